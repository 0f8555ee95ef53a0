"""Watches at work: kept, fitted to each cluster, evaluated, bounded, handed out."""

from aiops.observability.service.watches.book import WatchBook
from aiops.observability.service.watches.jobs import ArrivalWatchJob, PrometheusWatchJob
from aiops.observability.service.watches.keeping import Watches
from aiops.observability.service.watches.service import WatchService

__all__ = ["ArrivalWatchJob", "PrometheusWatchJob", "WatchBook", "WatchService", "Watches"]
