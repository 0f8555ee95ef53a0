"""Log patterns: followed as lines come, and read by people."""
