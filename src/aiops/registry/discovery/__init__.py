"""Finds out what a cluster is, what it can do and where its monitoring is, from the Kubernetes API and from metrics."""
