"""What anybody can verify: signed checkpoints of the journal, and its export for the offline verifier."""
