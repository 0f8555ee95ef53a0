"""AIOps NextGen."""
