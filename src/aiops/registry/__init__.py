"""Owns the clusters: what they are, how to reach them, how they fare."""
