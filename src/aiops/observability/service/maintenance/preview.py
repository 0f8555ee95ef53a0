"""What a window would hide: of what fires now, and of what fired in the last days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.principal import Principal, Role
from aiops.observability.maintenance.matching import hides
from aiops.observability.maintenance.occurrences import between, would_have_been
from aiops.observability.maintenance.windows import Occurrence, Terms, Window
from aiops.observability.needs_maintenance import HiddenAlerts, PastEpisode
from aiops.observability.service.maintenance.checking import checked
from aiops.registry.ports import Clusters

MOST_EPISODES = 20_000
SHOWN = 200
NEXT = 10
_HORIZON = timedelta(days=400)


class Preview(msgspec.Struct, frozen=True):
    """`next`: its next occurrences. `now`: which of the alerts that fire now it would hide, the first 200 of
    `now_total`.

    `past`: which of the last `days` it would have hidden, had its rhythm begun before; of what happens but once, all
    that matches, whenever it fired (`past_whenever`). The first 200 of `past_total`, of `past_matching` that matched at
    any hour. `examined`: so many were looked at; `truncated`: there were more.
    """

    next: list[Occurrence]
    now: list[PastEpisode]
    now_total: int
    past: list[PastEpisode]
    past_total: int
    past_matching: int
    past_whenever: bool
    examined: int
    truncated: bool


class Previews:
    def __init__(self, transactions: Transactions, clock: Clock, clusters: Clusters, alerts: HiddenAlerts) -> None:
        self._transactions = transactions
        self._clock = clock
        self._clusters = clusters
        self._alerts = alerts

    async def preview(self, principal: Principal, terms: Terms, days: int) -> Preview:
        """Within the reader's scope. Raises as creating it would."""
        principal.require(Role.VIEWER)
        terms = checked(terms)
        for one in terms.cluster_ids or ():
            await self._clusters.get(principal, one)
        now = self._clock.now()
        since = now - timedelta(days=days)
        async with self._transactions.begin() as tx:
            found = await self._alerts.episodes(tx, _scope(principal, terms), since, MOST_EPISODES + 1)
        window = _as_window(terms, now)
        matching = [one for one in found[:MOST_EPISODES] if hides(window, one.cluster_id, one.labels)]
        firing = [one for one in matching if one.ended_at is None]
        once = not terms.rrule
        hidden = matching if once else _during(matching, would_have_been(terms, since, now), now)
        return Preview(
            next=between(terms, now, now + _HORIZON)[:NEXT],
            now=firing[:SHOWN],
            now_total=len(firing),
            past=hidden[:SHOWN],
            past_total=len(hidden),
            past_matching=len(matching),
            past_whenever=once,
            examined=min(len(found), MOST_EPISODES),
            truncated=len(found) > MOST_EPISODES,
        )


def _scope(principal: Principal, terms: Terms) -> list[UUID] | None:
    if terms.cluster_ids is not None:
        return list(terms.cluster_ids)
    return None if principal.clusters is None else list(principal.clusters)


def _during(episodes: Sequence[PastEpisode], occurrences: Sequence[Occurrence], now: datetime) -> list[PastEpisode]:
    """Those that fired while one of these took place."""
    return [
        one
        for one in episodes
        if any(one.started_at < what.ends_at and (one.ended_at or now) > what.starts_at for what in occurrences)
    ]


def _as_window(terms: Terms, now: datetime) -> Window:
    values = {name: getattr(terms, name) for name in Terms.__struct_fields__}
    return Window(id=uuid4(), owner_id="", owner="", created_at=now, updated_at=now, **values)
