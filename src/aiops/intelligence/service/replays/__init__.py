"""Replays: alerts, detection, correlation and ranking over the past of clusters."""
