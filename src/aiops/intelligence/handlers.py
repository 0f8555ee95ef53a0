"""Reactions of intelligence to the facts of others."""

from __future__ import annotations

from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.database import Transaction
from aiops.kernel.errors import NotFound
from aiops.kernel.events import Event
from aiops.kernel.principal import Principal
from aiops.observability.events import AlertFired, AlertResolved, WatchChanged
from aiops.observability.ports import Alerts, AlertState
from aiops.registry.events import ClusterDeleted


class Reactions:
    def __init__(self, episodes: Episodes, alerts: Alerts, watcher: Watcher) -> None:
        self._episodes = episodes
        self._alerts = alerts
        self._watcher = watcher
        self._principal = Principal.system("incidents")

    async def on_alert(self, tx: Transaction, event: Event) -> None:
        if isinstance(event, AlertResolved):
            await self._episodes.alert_resolved(tx, event.cluster_id, event.fingerprint, event.occurred_at)
        elif isinstance(event, AlertFired):
            try:
                alert = await self._alerts.get(self._principal, event.cluster_id, event.fingerprint)
            except NotFound:
                return
            # It may have ended before this was delivered; then its end was told, or will be.
            if alert.state is not AlertState.RESOLVED:
                await self._episodes.alert_fired(tx, alert)
        self._watcher.found.set()

    async def on_cluster_deleted(self, tx: Transaction, event: Event) -> None:
        if isinstance(event, ClusterDeleted):
            self._watcher.forget(event.cluster_id)
            await self._episodes.cluster_left(tx, event.cluster_id)

    async def on_watch_changed(self, tx: Transaction, event: Event) -> None:
        if isinstance(event, WatchChanged) and event.begins_anew:
            self._watcher.forget_watch(event.watch)
            await self._episodes.watch_changed(tx, event.watch, f"{event.by} {event.change.lower()} the watch")
            self._watcher.found.set()
