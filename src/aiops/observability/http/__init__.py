"""The HTTP face of observability."""
