"""What the hub holds true of a person: one value per field, who said it, and what must not leave."""
