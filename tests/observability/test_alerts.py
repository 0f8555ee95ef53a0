from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.needs_alerts import AlertFilter
from aiops.observability.ports import AlertState, Severity
from aiops.observability.service.alert_told import Webhook
from aiops.observability.service.alerts import AlertService
from aiops.observability.store.alert_lists import PostgresAlertLists
from aiops.observability.store.alerts import PostgresAlertStore

CLUSTER = new_id()
SENDER = Principal(PrincipalKind.SERVICE, "s", "alertmanager", None, frozenset({CLUSTER}))
READER = Principal(PrincipalKind.USER, "u", "ann", Role.VIEWER, None)


@pytest.fixture
def alerts(database: Database, clock: VirtualClock) -> AlertService:
    database.outbox = SqlOutbox(InMemoryBus(), [])
    return AlertService(database, clock, PostgresAlertStore(), PostgresAlertLists())


def sent(clock: VirtualClock, status: str = "firing", *, start: float = 0, name: str = "DiskFull") -> Webhook:
    began = clock.now().replace(hour=0, minute=0, second=0) + timedelta(seconds=start)
    alert: dict[str, Any] = {
        "status": status,
        "labels": {"alertname": name, "severity": "warning"},
        "startsAt": began.isoformat(),
        "endsAt": (began + timedelta(seconds=50)).isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": name.lower(),
    }
    return msgspec.convert({"version": "4", "alerts": [alert]}, Webhook)


async def stated(database: Database) -> list[str]:
    async with database.begin() as tx:
        rows = await tx.connection.execute(text("SELECT event_type FROM kernel.outbox ORDER BY event_id"))
        return [row.event_type for row in rows]


async def test_a_resend_changes_only_when_it_was_last_received(
    alerts: AlertService, database: Database, clock: VirtualClock
) -> None:
    await alerts.receive(SENDER, sent(clock))
    await clock.advance(60)
    await alerts.receive(SENDER, sent(clock))
    found = await alerts.get(READER, CLUSTER, "diskfull")
    assert (found.severity, found.sender_severity) == (Severity.MEDIUM, "warning")
    assert (found.occurrences, found.received_at) == (1, clock.now())
    assert await stated(database) == ["ALERT_FIRED"]


async def test_an_episode_ends_and_a_new_one_counts(
    alerts: AlertService, database: Database, clock: VirtualClock
) -> None:
    for notice in (sent(clock), sent(clock, "resolved"), sent(clock), sent(clock, start=100)):
        await alerts.receive(SENDER, notice)
    await alerts.receive(SENDER, sent(clock, "resolved"))
    found = await alerts.get(READER, CLUSTER, "diskfull")
    assert (found.state, found.occurrences) == (AlertState.FIRING, 2)
    assert await stated(database) == ["ALERT_FIRED", "ALERT_RESOLVED", "ALERT_FIRED"]
    history = await alerts.history(READER, (), "diskfull", None, 10)
    assert [change.state for change in history.items] == ["FIRING", "RESOLVED", "FIRING"]


async def test_lists_are_filtered_paged_and_scoped(alerts: AlertService, clock: VirtualClock) -> None:
    for place, name in enumerate(("DiskFull", "NodeDown", "DiskSlow")):
        await alerts.receive(SENDER, sent(clock, start=place, name=name))
    page = await alerts.page(READER, AlertFilter(None, text="disk"), None, 1)
    assert ([alert.name for alert in page.items], page.more, page.total) == (["DiskSlow"], True, 2)
    last = page.items[0]
    after = (last.starts_at, last.cluster_id, last.fingerprint)
    rest = await alerts.page(READER, AlertFilter(None, text="disk", states=(AlertState.FIRING,)), after, 5)
    assert ([alert.name for alert in rest.items], rest.more) == (["DiskFull"], False)
    stranger = Principal(PrincipalKind.USER, "v", "bob", Role.VIEWER, frozenset({new_id()}))
    assert (await alerts.page(stranger, AlertFilter(None), None, 5)).total == 0
    with pytest.raises(NotFound):
        await alerts.get(stranger, CLUSTER, "diskfull")
