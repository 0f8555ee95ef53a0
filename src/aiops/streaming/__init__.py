"""Owns the live connection: events to people, each within their scope."""
