"""What every context stands on: principal, clock, errors, database, events, bus, plugins."""
