"""Logs of this machine that the hub reads: one file each, found by its place (see `aiops.kernel.plugins`)."""
