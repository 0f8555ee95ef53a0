"""What depends on what: kept, imported, found out and read."""
