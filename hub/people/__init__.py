"""Who is who, in the store: reconcile, decide, undo."""
