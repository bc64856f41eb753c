"""Linking whole files: read, standardise, block, compare, decide, cluster; DuckDB carries the rows."""
