"""Anomalies over HTTP, and what people say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from aiops.intelligence.domain.anomalies import Anomaly, AnomalyFilter
from aiops.intelligence.domain.feedback import Feedback, Verdict
from aiops.intelligence.service.feedbacks import Feedbacks
from aiops.intelligence.service.reading import Reading
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels, Severity
from aiops.registry.ports import Clusters

PageSize = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(max_length=64)]
Names = dict[UUID, str]


class FeedbackReply(msgspec.Struct, frozen=True):
    """`factor`: its series' band is so many times as wide as learned, `until` then."""

    verdict: Verdict
    by: str
    at: datetime
    note: str
    factor: float
    until: datetime | None


class FeedbackWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    verdict: Verdict
    note: str = ""


class AnomalyReply(msgspec.Struct, frozen=True, kw_only=True):
    """`maintained_by`: the maintenance windows that kept it from opening an incident while they took place."""

    id: UUID
    cluster_id: UUID
    cluster: str
    watch: str
    title: str
    unit: str
    labels: Labels
    kind: str
    detection_type: str
    severity: Severity
    score: float
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    deviation_percent: float | None
    explanation: str
    started_at: datetime
    detected_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    query: str
    incident_id: UUID | None
    group_id: UUID | None
    joined_by: str | None
    reason: str | None
    maintained_by: list[str]
    feedback: FeedbackReply | None


class AnomalyPage(msgspec.Struct, frozen=True):
    items: list[AnomalyReply]
    next_cursor: str | None
    total: int


class AnomaliesController(Controller):
    path = "/api/v1/anomalies"
    tags = ["intelligence"]  # noqa: RUF012

    @get(summary="List anomalies, latest first")
    @inject
    async def list_anomalies(
        self,
        principal: Caller,
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        *,
        cluster_id: FromQuery[UUID | None] = None,
        watch: Annotated[str | None, QueryParameter(max_length=128)] = None,
        active: FromQuery[bool | None] = None,
        start: FromQuery[datetime | None] = None,
        end: FromQuery[datetime | None] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> AnomalyPage:
        wanted = AnomalyFilter(cluster_id, watch, active, start, end)
        items, total = await reading.anomalies(principal, wanted, page_size, after(cursor))
        names = await names_of(principal, clusters)
        said = await reading.said_of(principal, items)
        return AnomalyPage([anomaly_reply(item, names, said) for item in items], following(items, page_size), total)

    @get("/{anomaly_id:uuid}", summary="One anomaly")
    @inject
    async def get_anomaly(
        self,
        principal: Caller,
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        anomaly_id: FromPath[UUID],
    ) -> AnomalyReply:
        return await _one(principal, reading, clusters, anomaly_id)

    @put("/{anomaly_id:uuid}/feedback", summary="Say that an anomaly is real, or noise")
    @inject
    async def say(
        self,
        principal: Caller,
        reading: FromDishka[Reading],
        feedbacks: FromDishka[Feedbacks],
        clusters: FromDishka[Clusters],
        anomaly_id: FromPath[UUID],
        data: JSONBody[FeedbackWish],
    ) -> AnomalyReply:
        await feedbacks.give(principal, anomaly_id, data.verdict, data.note)
        return await _one(principal, reading, clusters, anomaly_id)

    @delete("/{anomaly_id:uuid}/feedback", summary="Take back what was said of an anomaly")
    @inject
    async def take_back(self, principal: Caller, feedbacks: FromDishka[Feedbacks], anomaly_id: FromPath[UUID]) -> None:
        await feedbacks.take_back(principal, anomaly_id)


async def _one(principal: Principal, reading: Reading, clusters: Clusters, anomaly_id: UUID) -> AnomalyReply:
    found = await reading.anomaly(principal, anomaly_id)
    said = await reading.said_of(principal, [found])
    return anomaly_reply(found, await names_of(principal, clusters), said)


async def names_of(principal: Principal, clusters: Clusters) -> Names:
    return {cluster.id: cluster.name for cluster in await clusters.visible(principal)}


def fields_of(item: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__struct_fields__}


def anomaly_reply(item: Anomaly, names: Names, said: Mapping[UUID, Feedback]) -> AnomalyReply:
    wanted = set(AnomalyReply.__struct_fields__)
    values = {name: value for name, value in fields_of(item).items() if name in wanted}
    values["maintained_by"] = list(item.maintained_by)
    of_it = said.get(item.id)
    return AnomalyReply(
        feedback=None
        if of_it is None
        else FeedbackReply(*(getattr(of_it, name) for name in FeedbackReply.__struct_fields__)),
        cluster=names.get(item.cluster_id, ""),
        deviation_percent=item.deviation_percent,
        **values,
    )


def _said(of_it: Feedback) -> FeedbackReply:
    return FeedbackReply(*(getattr(of_it, name) for name in FeedbackReply.__struct_fields__))


def after(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise Invalid("The cursor is not one of ours; leave it out to start from the first page.") from None


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


def following(items: Sequence[Identified], page_size: int) -> str | None:
    return str(items[-1].id) if len(items) == page_size else None
