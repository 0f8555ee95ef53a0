"""Watches at work: fitted to each cluster, evaluated, bounded, handed out."""

from aiops.observability.service.watches.jobs import ArrivalWatchJob, PrometheusWatchJob
from aiops.observability.service.watches.service import WatchService

__all__ = ["ArrivalWatchJob", "PrometheusWatchJob", "WatchService"]
