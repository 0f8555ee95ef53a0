"""Maintenance windows: when they are, across changes of daylight saving, and what they hide. No I/O."""
