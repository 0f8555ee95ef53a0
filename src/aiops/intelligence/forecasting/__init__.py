"""Forecasts of one series, by numbers alone: no I/O, no clock."""
