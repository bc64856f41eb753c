"""What the pages read: bounded, by key, never everything."""
