"""The use cases of intelligence."""
