"""Reactions of intelligence to the facts of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.database import Transaction
from aiops.kernel.events import Event
from aiops.kernel.principal import Principal
from aiops.observability.events import AlertFired, AlertResolved, WatchChanged
from aiops.observability.ports import Alert, Alerts, AlertState
from aiops.registry.events import ClusterDeleted

_SAME_START = timedelta(milliseconds=1)


class Reactions:
    def __init__(self, episodes: Episodes, alerts: Alerts, watcher: Watcher) -> None:
        self._episodes = episodes
        self._alerts = alerts
        self._watcher = watcher
        self._principal = Principal.system("incidents")

    async def on_alert(self, tx: Transaction, event: Event) -> None:
        await self.on_alerts(tx, [event])

    async def on_alerts(self, tx: Transaction, events: Sequence[Event]) -> None:
        """Of each alert one change after the other, and of different alerts all that can be dealt with at once."""
        changes = [event for event in events if isinstance(event, AlertFired | AlertResolved)]
        keys = {(event.cluster_id, event.fingerprint) for event in changes}
        current = {
            (alert.cluster_id, alert.fingerprint): alert
            for alert in await self._alerts.several(self._principal, sorted(keys))
        }
        rounds: list[dict[tuple[UUID, str], AlertFired | AlertResolved]] = []
        reached: Counter[tuple[UUID, str]] = Counter()
        for event in changes:
            key = (event.cluster_id, event.fingerprint)
            if reached[key] == len(rounds):
                rounds.append({})
            rounds[reached[key]][key] = event
            reached[key] += 1
        for once in rounds:
            ends = {key: event.occurred_at for key, event in once.items() if isinstance(event, AlertResolved)}
            if ends:
                await self._episodes.alerts_resolved(tx, ends)
            # One that is gone went with its cluster, or with all that is too old.
            fired = [
                _as_told(event, current[key])
                for key, event in once.items()
                if isinstance(event, AlertFired) and key in current
            ]
            if fired:
                await self._episodes.alerts_fired(tx, fired)
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


def _as_told(event: AlertFired, alert: Alert) -> Alert:
    """The alert as it was when it fired: it may have ended before this was delivered, and begun again."""
    began_again = alert.starts_at - event.starts_at > _SAME_START
    ended_at = alert.starts_at if began_again else alert.ends_at if alert.state is AlertState.RESOLVED else None
    return msgspec.structs.replace(alert, starts_at=event.starts_at, ends_at=ended_at)
