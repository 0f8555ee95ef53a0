"""Clusters, their health and the counts of a fleet, in PostgreSQL."""

from aiops.registry.store.clusters import SqlClusterStore

__all__ = ["SqlClusterStore"]
