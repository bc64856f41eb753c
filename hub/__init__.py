"""What the hub does: receive, normalise, check, reconcile, share."""
