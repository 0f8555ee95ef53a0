"""The use cases of observability."""
