"""Use cases and jobs of maintenance windows."""
