"""Incidents over HTTP, and what the detectors expect."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from aiops.intelligence.domain.causes import Evidence
from aiops.intelligence.domain.feedback import Widening
from aiops.intelligence.domain.incidents import (
    IncidentFilter,
    IncidentLink,
    IncidentView,
    Order,
    Origin,
    Status,
    Suspect,
)
from aiops.intelligence.http.anomalies import (
    AnomalyReply,
    Cursor,
    Names,
    PageSize,
    after,
    anomaly_reply,
    fields_of,
    following,
    names_of,
)
from aiops.intelligence.service.hands import Hands, IncidentChange, NewIncident
from aiops.intelligence.service.reading import IncidentDetail, Learning, Reading
from aiops.kernel.http import Caller
from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels, Severity
from aiops.registry.ports import Clusters


class ExpectationReply(msgspec.Struct, frozen=True, kw_only=True):
    cluster_id: UUID
    cluster: str
    watch: str
    title: str
    unit: str
    labels: Labels
    at: datetime
    value: float
    expected: float | None
    lower: float | None
    upper: float | None
    learning: Learning | None
    learning_days: Learning | None
    anomaly_id: UUID | None
    dropped: int
    widened: Widening | None


class Expectations(msgspec.Struct, frozen=True):
    items: list[ExpectationReply]


class ClusterName(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class IncidentReply(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    key: str
    title: str
    severity: Severity
    status: Status
    clusters: list[ClusterName]
    detected_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    last_activity_at: datetime
    anomaly_count: int
    alert_count: int
    finding_count: int
    workloads: int
    fleet: int
    """How many clusters the reader sees at all: the incident concerns so many of them."""
    origin: Origin
    owner: str | None
    team_id: UUID | None
    team: str | None
    merged_into: UUID | None
    suspect: Suspect | None


class IncidentPage(msgspec.Struct, frozen=True):
    items: list[IncidentReply]
    next_cursor: str | None
    total: int


class CauseReply(msgspec.Struct, frozen=True, kw_only=True):
    """`cluster_id` is null for what clusters share, `node_id` where the topology does not know it."""

    rank: int
    title: str
    subject: str
    cluster_id: UUID | None
    cluster: str
    watch: str | None
    alert_fingerprint: str | None
    node_id: UUID | None
    labels: Labels
    confidence: float
    moved_at: datetime
    reasons: list[str]
    evidence: list[Evidence]


class TimelineReply(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    kind: str
    text: str
    anomaly_id: UUID | None
    alert_fingerprint: str | None
    cluster_id: UUID | None
    by: str | None


class AlertReply(msgspec.Struct, frozen=True, kw_only=True):
    cluster_id: UUID
    cluster: str
    fingerprint: str
    name: str
    severity: Severity
    labels: Labels
    started_at: datetime
    ended_at: datetime | None
    joined_by: str | None
    reason: str | None


class FindingReply(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast or a log pattern; `source_id` is the id of the one or the other."""

    id: UUID
    kind: Literal["FORECAST", "LOG_PATTERN"]
    source_id: UUID
    cluster_id: UUID
    cluster: str
    name: str
    subject: str
    phrase: str
    explanation: str
    severity: Severity
    labels: Labels
    started_at: datetime
    ended_at: datetime | None
    joined_by: str | None
    reason: str | None


_NOT_SHOWN = ("incident_id", "short", "opens", "detected_at", "maintained_by")


class IncidentDetailReply(IncidentReply, frozen=True, kw_only=True):
    """`causes_note` says why the causes, if there are any, decide nothing."""

    causes: list[CauseReply]
    causes_note: str | None
    timeline: list[TimelineReply]
    anomalies: list[AnomalyReply]
    alerts: list[AlertReply]
    findings: list[FindingReply]
    links: list[IncidentLink]


class IncidentsController(Controller):
    path = "/api/v1/incidents"
    tags = ["intelligence"]  # noqa: RUF012

    @get(summary="List incidents, latest first or by impact")
    @inject
    async def list_incidents(
        self,
        principal: Caller,
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        *,
        status: FromQuery[Status | None] = None,
        severity: FromQuery[Severity | None] = None,
        cluster_id: FromQuery[UUID | None] = None,
        open: FromQuery[bool | None] = None,
        owner: FromQuery[str | None] = None,
        team_id: FromQuery[UUID | None] = None,
        order: FromQuery[Order] = Order.LATEST,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> IncidentPage:
        """`open` keeps those that are live, or over; `owner` of `-` those that nobody owns; `order=IMPACT` sorts live
        ones first, by severity, clusters, workloads and alerts."""
        wanted = IncidentFilter(status, severity, cluster_id, open, owner, team_id)
        items, total = await reading.incidents(principal, wanted, page_size, after(cursor), order)
        names = await names_of(principal, clusters)
        replies = [IncidentReply(**_summary(item, names)) for item in items]
        return IncidentPage(replies, following(items, page_size), total)

    @get("/{incident_id:uuid}", summary="One incident with its causes, timeline and members")
    @inject
    async def get_incident(
        self,
        principal: Caller,
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        incident_id: FromPath[UUID],
    ) -> IncidentDetailReply:
        return await told(principal, reading, clusters, incident_id)

    @post(summary="Open an incident by hand")
    @inject
    async def open_incident(
        self,
        principal: Caller,
        hands: FromDishka[Hands],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        data: JSONBody[NewIncident],
    ) -> IncidentDetailReply:
        for cluster_id in dict.fromkeys(data.clusters):
            await clusters.get(principal, cluster_id)
        return await told(principal, reading, clusters, await hands.open(principal, data))

    @patch("/{incident_id:uuid}", summary="Change status, title, severity, owner or team of an incident")
    @inject
    async def change_incident(
        self,
        principal: Caller,
        hands: FromDishka[Hands],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        incident_id: FromPath[UUID],
        data: JSONBody[IncidentChange],
    ) -> IncidentDetailReply:
        """What is left out stays; a `null` takes away what people set."""
        await hands.change(principal, incident_id, data)
        return await told(principal, reading, clusters, incident_id)


async def told(principal: Principal, reading: Reading, clusters: Clusters, incident_id: UUID) -> IncidentDetailReply:
    """The incident as it is now, within the caller's scope."""
    found = await reading.incident(principal, incident_id)
    return _detail(found, await names_of(principal, clusters))


@get(
    "/api/v1/expectations",
    tags=["intelligence"],
    summary="What every watched series is now, and what it was expected to be",
)
@inject
async def expectations(
    principal: Caller,
    reading: FromDishka[Reading],
    clusters: FromDishka[Clusters],
    cluster_id: FromQuery[UUID | None] = None,
) -> Expectations:
    names = await names_of(principal, clusters)
    found = await reading.expectations(principal, cluster_id)
    return Expectations(
        [
            ExpectationReply(cluster=names.get(item.cluster_id, ""), **fields_of(item))
            for item in found
            if item.cluster_id in names
        ]
    )


def _summary(view: IncidentView, names: Names) -> dict[str, Any]:
    known = [ClusterName(cluster_id, names.get(cluster_id, "")) for cluster_id in view.clusters]
    return {**fields_of(view), "clusters": known, "fleet": len(names)}


def _detail(found: IncidentDetail, names: Names) -> IncidentDetailReply:
    def named(item: msgspec.Struct, *without: str) -> dict[str, Any]:
        values = {name: value for name, value in fields_of(item).items() if name not in without}
        return {**values, "cluster": names.get(values["cluster_id"], "")}

    causes = [CauseReply(rank=index, **named(cause)) for index, cause in enumerate(found.causes, 1)]
    timeline = [
        TimelineReply(**{name: getattr(row, name) for name in TimelineReply.__struct_fields__})
        for row in found.timeline
    ]
    return IncidentDetailReply(
        causes=causes,
        causes_note=found.causes_note,
        timeline=timeline,
        anomalies=[anomaly_reply(item, names, found.said) for item in found.anomalies],
        alerts=[AlertReply(**named(alert, "incident_id")) for alert in found.alerts],
        findings=[FindingReply(**named(one, *_NOT_SHOWN)) for one in found.findings],
        links=found.links,
        **_summary(found.view, names),
    )
