"""Gives the clusters' Alertmanagers a silence for each occurrence of a window that is to be told them.

Shortly before it begins, so that it holds from its first moment; anew where the window changed; ended where it was cut
short, deleted, or is not to be told any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, NotFound
from aiops.kernel.principal import Principal
from aiops.observability.maintenance.occurrences import between
from aiops.observability.maintenance.windows import Occurrence, Window
from aiops.observability.needs_maintenance import PushedSilence, PushedStore, WindowStore
from aiops.observability.ports import QueryStatus
from aiops.observability.service.silences import SilencesCreated
from aiops.observability.service.silences_remote import SilenceMatcher
from aiops.registry.ports import Cluster, Clusters

AHEAD = timedelta(minutes=10)
EVERY_S = 30.0
RETRY_AFTER = timedelta(minutes=1)
# Alertmanager refuses a silence that might match nothing at all.
_ALL = (SilenceMatcher("alertname", ".+", is_regex=True),)

log = structlog.get_logger(__name__)


class MadeSilences(Protocol):
    """As `service.silences.Silences`."""

    async def create(
        self,
        principal: Principal,
        *,
        matchers: Sequence[SilenceMatcher],
        starts_at: datetime | None,
        ends_at: datetime,
        comment: str,
        cluster_ids: Sequence[UUID],
    ) -> SilencesCreated: ...

    async def expire(self, principal: Principal, cluster_id: UUID, silence_id: str) -> None: ...


class _Wanted(NamedTuple):
    window: Window
    occurrence: Occurrence
    clusters: list[UUID]


_Key = tuple[UUID, datetime, UUID]


class Pushing:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        clusters: Clusters,
        windows: WindowStore,
        store: PushedStore,
        silences: MadeSilences,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._clusters = clusters
        self._windows = windows
        self._store = store
        self._silences = silences
        self._principal = Principal.system("maintenance")

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            windows = await self._windows.live(tx, now)
            kept = {(one.window_id, one.starts_at, one.cluster_id): one for one in await self._store.all(tx)}
        listed = await self._clusters.visible(self._principal) if any(one.push for one in windows) else []
        wanted = [found for one in windows if one.push for found in _wanted(one, listed, now)]
        keep: set[_Key] = set()
        for one in wanted:
            keep |= {(one.window.id, one.occurrence.starts_at, cluster) for cluster in one.clusters}
            await self._push(one, kept, now)
        for key, silence in kept.items():
            if key not in keep:
                await self._end(silence, now)

    async def _push(self, wanted: _Wanted, kept: dict[_Key, PushedSilence], now: datetime) -> None:
        window, occurrence = wanted.window, wanted.occurrence
        missing = [
            cluster
            for cluster in wanted.clusters
            if _due(kept.get((window.id, occurrence.starts_at, cluster)), window.revision, now)
        ]
        if not missing:
            return
        made = await self._silences.create(
            self._principal,
            matchers=window.matchers or _ALL,
            starts_at=occurrence.starts_at if occurrence.starts_at > now else None,
            ends_at=occurrence.ends_at,
            comment=f"Maintenance: {window.title} ({window.owner})",
            cluster_ids=missing,
        )
        ids = {one.cluster_id: one.id for one in made.items}
        errors = {one.cluster_id: one.error for one in made.clusters if one.status is not QueryStatus.SUCCESS}
        for cluster in missing:
            before = kept.get((window.id, occurrence.starts_at, cluster))
            await self._keep(
                PushedSilence(
                    window_id=window.id,
                    starts_at=occurrence.starts_at,
                    cluster_id=cluster,
                    ends_at=occurrence.ends_at,
                    revision=window.revision,
                    tried_at=now,
                    silence_id=ids.get(cluster) or (before.silence_id if before else None),
                    error=None if cluster in ids else errors.get(cluster) or "It was not taken.",
                )
            )
            # The new one holds before the former ends, so that nothing is heard between them.
            if before is not None and before.silence_id not in (None, ids.get(cluster)) and cluster in ids:
                await self._expire(before)

    async def _end(self, silence: PushedSilence, now: datetime) -> None:
        """It is over, or not wanted any more; where it can't be ended, that is tried again."""
        if silence.ends_at > now and silence.silence_id is not None:
            if silence.error is not None and now - silence.tried_at < RETRY_AFTER:
                return
            error = await self._expire(silence)
            if error is not None:
                await self._keep(msgspec.structs.replace(silence, tried_at=now, error=error))
                return
        async with self._transactions.begin() as tx:
            await self._store.drop(tx, silence)
            await tx.commit()

    async def _expire(self, silence: PushedSilence) -> str | None:
        assert silence.silence_id is not None
        try:
            await self._silences.expire(self._principal, silence.cluster_id, silence.silence_id)
        except NotFound:
            return None
        except AiopsError as failure:
            log.warning("pushed_silence_not_ended", silence_id=silence.silence_id, error=failure.message)
            return failure.message
        return None

    async def _keep(self, silence: PushedSilence) -> None:
        async with self._transactions.begin() as tx:
            await self._store.put(tx, silence)
            await tx.commit()


def _due(kept: PushedSilence | None, revision: int, now: datetime) -> bool:
    if kept is None or (kept.error is None and kept.revision != revision):
        return True
    return kept.error is not None and now - kept.tried_at >= RETRY_AFTER


def _wanted(window: Window, listed: Sequence[Cluster], now: datetime) -> list[_Wanted]:
    clusters = [one.id for one in listed if one.alertmanager_url is not None and window.concerns(one.id)]
    return [_Wanted(window, one, clusters) for one in between(window, now, now + AHEAD) if one.ends_at > now]
