"""Ways to metrics that are kept elsewhere."""
