"""The rules of anomalies, incidents and causes, without I/O."""
