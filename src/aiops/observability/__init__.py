"""Owns telemetry: takes it in, keeps it, queries it here and on the clusters, and watches it."""
