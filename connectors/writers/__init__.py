"""From rows to bytes: what partners load."""
