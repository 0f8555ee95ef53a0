from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.ports import Sample
from aiops.observability.service.arrivals import SampleArrivals
from aiops.observability.service.intake import Intake
from aiops.observability.service.sources import Sources
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sources import PostgresSourceStore
from aiops.registry.ports import Cluster, EndpointKind, Member, Target

CLUSTER = new_id()
PUSHER = Principal(PrincipalKind.SERVICE, "s", "pusher", None, frozenset({CLUSTER}))


class AnyCluster:
    """A registry that knows every cluster and remembers whose samples it was told of."""

    def __init__(self) -> None:
        self.seen: list[UUID] = []

    async def visible(self, principal: Principal) -> list[Cluster]:
        return []

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        return msgspec.UNSET  # type: ignore[return-value]

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        return msgspec.UNSET  # type: ignore[return-value]

    async def local(self, principal: Principal) -> Cluster | None:
        return None

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        return None

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        return []

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        self.seen.append(cluster_id)


def intake_of(database: Database, clock: VirtualClock, arrivals: SampleArrivals) -> Intake:
    return Intake(database, clock, PostgresSampleStore(), AnyCluster(), arrivals, retention_days=90)


async def stored(database: Database) -> dict[str, list[float]]:
    async with database.begin() as tx:
        found = await PostgresSampleStore().select(tx, [CLUSTER], [], 0, 10**15)
    return {series.labels["__name__"]: [float(value) for value in series.values] for series in found}


async def test_a_push_is_stored_and_announced(database: Database, clock: VirtualClock) -> None:
    arrivals = SampleArrivals()
    intake = intake_of(database, clock, arrivals)
    async with arrivals.subscribe() as reader:
        for value in (b"1", b"2"):
            body = b'{"metrics":[{"name":"up","labels":{"job":"a"},"value":' + value + b"}]}"
            assert await intake.push(PUSHER, body) == 1
            await clock.advance(1)
        assert await reader.next() == (CLUSTER, clock.now().timestamp() - 1)
    assert await stored(database) == {"up": [1, 2]}


async def test_a_batch_with_a_fault_is_refused_whole_and_each_fault_has_its_index(
    database: Database, clock: VirtualClock
) -> None:
    intake = intake_of(database, clock, SampleArrivals())
    metrics = [
        {"name": "up", "value": 1},
        {"name": "1up", "value": 1},
        {"name": "up", "labels": {"a-b": "x"}, "value": 1},
        {"name": "up", "value": 1, "timestamp": clock.now().timestamp() + 4000},
        {"name": "up", "value": 1, "timestamp": 5},
    ]
    with pytest.raises(Invalid) as refusal:
        await intake.push(PUSHER, msgspec.json.encode({"metrics": metrics}))
    assert refusal.value.details is not None
    assert [fault["index"] for fault in refusal.value.details["errors"]] == [1, 2, 3, 4]
    assert await stored(database) == {}


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"metrics":[{"name":"a","value":"x"}]}', b'{"metrics":[{}]}'])
async def test_what_is_not_a_batch_is_invalid(database: Database, clock: VirtualClock, body: bytes) -> None:
    with pytest.raises(Invalid):
        await intake_of(database, clock, SampleArrivals()).push(PUSHER, body)


async def test_nobody_appends_outside_their_scope(database: Database, clock: VirtualClock) -> None:
    with pytest.raises(NotFound):
        await intake_of(database, clock, SampleArrivals()).append(PUSHER, new_id(), [Sample({}, 0, 0)])


async def test_a_token_speaks_for_its_cluster_until_its_source_is_deleted(
    database: Database, clock: VirtualClock
) -> None:
    sources = Sources(database, clock, PostgresSourceStore(), AnyCluster())
    admin = Principal(PrincipalKind.USER, "u", "ann", Role.ADMIN, None)
    made = await sources.create(admin, CLUSTER, "ci")
    principal = await sources.authenticate(made.token)
    assert principal is not None
    assert (principal.kind, principal.role, principal.clusters) == (
        PrincipalKind.SERVICE,
        None,
        frozenset({CLUSTER}),
    )
    assert [source.name for source in await sources.all(admin)] == ["ci"]
    await sources.delete(admin, made.id)
    assert await sources.authenticate(made.token) is None
    assert await sources.authenticate("aiops_src_wrong") is None
