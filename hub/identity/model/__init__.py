"""How much two records look like one person: levels of agreement, what each is worth, what forbids, and the decision."""
