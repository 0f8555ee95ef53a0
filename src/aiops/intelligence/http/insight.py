"""Groups of anomalies over HTTP, and what explains a stretch of time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from aiops.intelligence.domain.groups import AnomalyGroup, GroupFilter, PlaceKind
from aiops.intelligence.http.anomalies import (
    AnomalyReply,
    Cursor,
    Names,
    PageSize,
    after,
    anomaly_reply,
    following,
    names_of,
)
from aiops.intelligence.service.insight import Explained, Insight
from aiops.intelligence.service.reading import Reading
from aiops.kernel.http import Caller
from aiops.kernel.principal import Principal
from aiops.observability.ports import Severity
from aiops.registry.ports import Clusters


class GroupReply(msgspec.Struct, frozen=True, kw_only=True):
    """`leading` are the first of its `members` by rank: severity, distance from the band, who moved first."""

    id: UUID
    cluster_id: UUID
    cluster: str
    kind: PlaceKind
    name: str
    severity: Severity
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    members: int
    leading: list[AnomalyReply]


class GroupPage(msgspec.Struct, frozen=True):
    items: list[GroupReply]
    next_cursor: str | None
    total: int


class GroupsController(Controller):
    path = "/api/v1/anomaly-groups"
    tags = ["intelligence"]  # noqa: RUF012

    @get(summary="Anomalies that go together: one finding a workload or node, latest first")
    @inject
    async def list_groups(
        self,
        principal: Caller,
        insight: FromDishka[Insight],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        *,
        cluster_id: FromQuery[UUID | None] = None,
        kind: FromQuery[PlaceKind | None] = None,
        active: FromQuery[bool | None] = None,
        start: FromQuery[datetime | None] = None,
        end: FromQuery[datetime | None] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> GroupPage:
        wanted = GroupFilter(cluster_id, kind, active, start, end)
        items, total = await insight.groups(principal, wanted, page_size, after(cursor))
        return GroupPage(await _replies(principal, reading, clusters, items), following(items, page_size), total)

    @get("/{group_id:uuid}", summary="One group with all its members, ranked")
    @inject
    async def get_group(
        self,
        principal: Caller,
        insight: FromDishka[Insight],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        group_id: FromPath[UUID],
    ) -> GroupReply:
        found = await insight.group(principal, group_id)
        return (await _replies(principal, reading, clusters, [found]))[0]


@get("/api/v1/anomaly-rate/explained", tags=["intelligence"], summary="Which series explain a stretch of time, ranked")
@inject
async def explained(
    principal: Caller,
    insight: FromDishka[Insight],
    cluster_id: FromQuery[UUID],
    start: FromQuery[datetime],
    end: FromQuery[datetime],
) -> Explained:
    return await insight.explain(principal, cluster_id, start, end)


async def _replies(
    principal: Principal, reading: Reading, clusters: Clusters, items: list[AnomalyGroup]
) -> list[GroupReply]:
    names: Names = await names_of(principal, clusters)
    said = await reading.said_of(principal, [one for item in items for one in item.leading])
    return [
        GroupReply(
            cluster=names.get(item.cluster_id, ""),
            leading=[anomaly_reply(one, names, said) for one in item.leading],
            **{name: getattr(item, name) for name in item.__struct_fields__ if name != "leading"},
        )
        for item in items
    ]
