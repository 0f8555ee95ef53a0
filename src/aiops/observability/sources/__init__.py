"""Sources that the hub polls: one file each, found by its place (see `aiops.kernel.plugins`)."""
