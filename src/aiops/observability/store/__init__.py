"""The schema of observability: its tables and SQL."""
