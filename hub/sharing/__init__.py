"""Sharing: what each partner may know, as agreements say, and how it reaches them."""
