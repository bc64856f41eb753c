"""Who is who, in the store: reconcile, decide, undo, and whom not to bring back."""
