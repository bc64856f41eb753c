"""Backups in which each person is sealed with a key of its own, which no backup holds: erased, it is erased in them too."""
