"""Models of the matching engine, one file a version."""
