"""What the figures of a week are made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from aiops.intelligence.domain.kpis import GroupBy
from aiops.intelligence.service.kpis import KpiReports
from aiops.intelligence.store.kpis import SqlKpis
from aiops.intelligence.store.teams import SqlTeams
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.registry.ports import ClusterUptime
from tests.intelligence.test_incidents import person
from tests.observability.watching import FakeClusters, cluster

ROOT = Principal.system("test")
HOUR = timedelta(hours=1)


class _Up:
    """Nine tenths of an hour, of every cluster that one sees."""

    def __init__(self, *clusters: UUID) -> None:
        self._clusters = clusters

    async def between(self, principal: Principal, start: datetime, end: datetime) -> list[ClusterUptime]:
        return [ClusterUptime(one, 3240.0, 3600.0) for one in self._clusters if principal.sees(one)]


class World:
    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database, self.clock = database, clock
        self.here, self.there = cluster("here"), cluster("there")
        clusters = FakeClusters(self.here, self.there)
        self.reports = KpiReports(database, clock, SqlKpis(), SqlTeams(), clusters, _Up(self.here.id, self.there.id))

    async def incident(
        self, ago_h: float, lasted_h: float | None, cluster: UUID, *, ack_h: float | None = None, alerts: int = 10,
        status: str = "RESOLVED", rank: int = 1, service: str | None = None,
    ) -> None:  # fmt: skip
        began = self.clock.now() - ago_h * HOUR
        row = {
            "id": new_id(), "key": str(uuid4()), "status": status if lasted_h is not None else "OPEN", "began": began,
            "acked": None if ack_h is None else began + ack_h * HOUR,
            "over": None if lasted_h is None else began + lasted_h * HOUR,
            "cluster": cluster, "rank": rank, "alerts": alerts, "trait": f"WORKLOAD\x1f{service}",
        }  # fmt: skip
        async with self.database.begin() as tx:
            await tx.connection.execute(
                text(
                    "INSERT INTO intelligence.incident (id, key, status, detected_at, last_activity_at,"
                    " acknowledged_at, resolved_at, revision) VALUES (:id, :key, :status, :began, :began, :acked,"
                    " :over, 1)"
                ),
                row,
            )
            await tx.connection.execute(
                text(
                    "INSERT INTO intelligence.incident_cluster (incident_id, cluster_id, title, severity_rank,"
                    " alert_count) VALUES (:id, :cluster, 'x', :rank, :alerts)"
                ),
                row,
            )
            if service:
                await tx.connection.execute(
                    text(
                        "INSERT INTO intelligence.incident_trait (incident_id, cluster_id, kind, key, members, near,"
                        " first_at, last_at) VALUES (:id, :cluster, 'PLACE', :trait, 1, 0, :began, :began)"
                    ),
                    row,
                )
            await tx.commit()


@pytest.fixture
def world(database: Database, clock: VirtualClock) -> World:
    return World(database, clock)


async def test_the_figures_of_a_week_are_told_beside_those_of_the_week_before(world: World) -> None:
    await world.incident(100, 2, world.here.id, ack_h=0.5)
    await world.incident(99, 3, world.there.id, ack_h=1.5, rank=0, alerts=30)
    await world.incident(10, None, world.here.id)
    await world.incident(20, 1, world.here.id, status="FALSE_POSITIVE")
    await world.incident(200, 8, world.here.id)

    report = await world.reports.report(ROOT, 7, GroupBy.CLUSTER, "UTC")

    total = report.total
    assert (total.incidents, total.critical, total.open, total.false_positives) == (3, 1, 1, 1)
    assert (total.mtta_s, total.mttr_s) == (3600, 2.5 * 3600)
    # Open from 100 to 98 and 99 to 96 hours ago, and for the last 10: 14 of 168 hours.
    assert total.clear == pytest.approx(154 / 168)
    assert total.mtbf_s == pytest.approx(154 * 3600 / 3)
    assert report.noise_reduction == pytest.approx(1 - 3 / 60)
    assert total.uptime == pytest.approx(0.9)
    assert (report.before.incidents, report.before.mttr_s, report.before.mtta_s) == (1, 8 * 3600, None)
    assert [(row.name, row.kpis.incidents) for row in report.rows] == [("here", 2), ("there", 1)]
    assert sum(day.incidents for day in report.days) == 3


async def test_a_service_has_figures_of_its_own(world: World) -> None:
    await world.incident(5, 1, world.here.id, service="shop/cart")
    await world.incident(4, 1, world.there.id, service="shop/cart")
    await world.incident(3, 1, world.here.id, service="shop/mail")
    report = await world.reports.report(ROOT, 7, GroupBy.SERVICE, "UTC")
    assert [(row.name, row.kpis.incidents) for row in report.rows] == [("shop/cart", 2), ("shop/mail", 1)]


async def test_who_sees_a_part_of_the_fleet_reads_the_figures_of_that_part(world: World) -> None:
    await world.incident(5, 1, world.here.id)
    await world.incident(4, 1, world.there.id, alerts=90)
    report = await world.reports.report(person(Role.VIEWER, world.here.id), 7, GroupBy.CLUSTER, "UTC")
    assert (report.total.incidents, report.total.alerts) == (1, 10)
    assert [row.name for row in report.rows] == ["here"]


async def test_a_quiet_week_is_no_division_by_nothing(world: World) -> None:
    report = await world.reports.report(ROOT, 30, GroupBy.TEAM, "Europe/Berlin")
    assert (report.total.mtta_s, report.total.mtbf_s, report.noise_reduction) == (None, None, None)
    assert report.total.clear == 1
    with pytest.raises(Invalid, match="no time zone"):
        await world.reports.report(ROOT, 7, GroupBy.TEAM, "Nowhere/Land")
