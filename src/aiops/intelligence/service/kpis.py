"""KPIs of a time, beside those of the same length before it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from aiops.intelligence.domain.kpis import NOTHING, GroupBy, KpiDay, KpiRow, Kpis, Tally, kpis_of
from aiops.intelligence.needs_incidents import TeamStore
from aiops.intelligence.needs_kpis import KpiStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, Role
from aiops.registry.ports import Clusters, Uptimes

MOST_ROWS = 200


class KpiReport(msgspec.Struct, frozen=True, kw_only=True):
    """`before` is the same of the stretch that ended at `start`; `days` only those that had incidents."""

    start: datetime
    end: datetime
    total: Kpis
    noise_reduction: float | None
    before: Kpis
    before_noise_reduction: float | None
    days: list[KpiDay]
    by: GroupBy
    rows: list[KpiRow]


class KpiReports:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: KpiStore,
        teams: TeamStore,
        clusters: Clusters,
        uptimes: Uptimes,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._teams = teams
        self._clusters = clusters
        self._uptimes = uptimes

    async def report(self, principal: Principal, days: int, by: GroupBy, zone: str) -> KpiReport:
        """The last `days` days until now; days of the chart are those of `zone` (IANA)."""
        principal.require(Role.VIEWER)
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise Invalid(f"There is no time zone {zone[:60]!r}.", details={"field": "zone"}) from None
        end = self._clock.now()
        start = end - timedelta(days=days)
        scope = None if principal.clusters is None else list(principal.clusters)
        async with self._transactions.look() as tx:
            total, before = (
                await self._one(tx, start, end, scope),
                await self._one(tx, start - (end - start), start, scope),
            )
            course = await self._store.days(tx, start, end, scope, zone)
            tallies = await self._store.tally(tx, start, end, scope, by, MOST_ROWS)
            names = await self._names(tx, principal, by)
        ups = {one.cluster_id: (one.up_s, one.known_s) for one in await self._uptimes.between(principal, start, end)}
        earlier = await self._uptimes.between(principal, start - (end - start), start)
        whole = kpis_of(total, start, end, _sum(list(ups.values())))
        was = kpis_of(before, start - (end - start), start, _sum([(one.up_s, one.known_s) for one in earlier]))
        if by is GroupBy.CLUSTER:
            tallies = _with_calm_ones(tallies, names)
        return KpiReport(
            start=start,
            end=end,
            total=whole,
            noise_reduction=whole.noise_reduction,
            before=was,
            before_noise_reduction=was.noise_reduction,
            days=course,
            by=by,
            rows=[
                KpiRow(
                    key=one.key,
                    name=names.get(one.key, one.key or "no team"),
                    kpis=kpis_of(
                        one, start, end, ups.get(UUID(one.key)) if by is GroupBy.CLUSTER and one.key else None
                    ),
                )
                for one in tallies
            ],
        )

    async def _one(self, tx: Transaction, start: datetime, end: datetime, scope: list[UUID] | None) -> Tally:
        found = await self._store.tally(tx, start, end, scope, None, 1)
        return found[0] if found else NOTHING

    async def _names(self, tx: Transaction, principal: Principal, by: GroupBy) -> dict[str | None, str]:
        if by is GroupBy.CLUSTER:
            return {str(one.id): one.name for one in await self._clusters.visible(principal)}
        if by is GroupBy.TEAM:
            return {str(one.id): one.name for one in await self._teams.all(tx)}
        return {}


def _with_calm_ones(tallies: list[Tally], names: dict[str | None, str]) -> list[Tally]:
    """A cluster that had no incident is shown too: that is the best of all rows."""
    seen = {one.key for one in tallies}
    calm = [msgspec.structs.replace(NOTHING, key=key) for key in sorted(names, key=lambda key: names[key])]
    return [*tallies, *(one for one in calm if one.key not in seen)][:MOST_ROWS]


def _sum(parts: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(up for up, _ in parts), sum(known for _, known in parts)
