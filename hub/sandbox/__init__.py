"""Pretend partners on loopback, with invented people."""
