"""Alertmanager's webhook, the alerts and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.http.alert_filters import (
    Cursor,
    FilterBody,
    PageSize,
    asked_filter,
    clean,
    decode_cursor,
    encode_cursor,
    filter_of,
)
from aiops.observability.http.ingest import Accepted
from aiops.observability.http.metrics import ClusterIds, in_part, reply
from aiops.observability.needs_alerts import AlertCounts, AlertFilter, AlertGroup, AlertKey, TimelineEntry
from aiops.observability.ports import (
    Alert,
    AlertChange,
    AlertFreshness,
    AlertState,
    AlertStatus,
    Labels,
    Original,
    Severity,
)
from aiops.observability.service.alert_handling import MOST_SELECTED, AlertHandling, Handled, Wish
from aiops.observability.service.alert_pull import AlertPulling
from aiops.observability.service.alert_rules import AlertRules, RulesFound
from aiops.observability.service.alert_told import Webhook
from aiops.observability.service.alert_webhooks import AlertWebhooks, FormatShown
from aiops.observability.service.alerts import AlertService
from aiops.registry.ports import Clusters


class ListedAlert(msgspec.Struct):
    """As the port's alert, with the cluster's name. `members`: how many of the sender's alerts are one in it.
    `original` is told of one alert, not in lists."""

    cluster_id: UUID
    cluster: str | None
    fingerprint: FromPath[str]
    name: str
    severity: Severity
    sender_severity: str | None
    state: AlertState
    labels: Labels
    annotations: Labels
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str | None
    occurrences: int
    received_at: datetime
    suppressed: bool
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    maintained_by: tuple[str, ...]
    status: AlertStatus
    assignee: str | None
    snoozed_until: datetime | None
    escalated_to: str | None
    flapping: bool
    source: str
    members: int
    original: Original | None = None


class AlertList(msgspec.Struct):
    """`clusters` say how old what is known of each is. `at_least`: there are more than `total`."""

    items: list[ListedAlert]
    next_cursor: str | None
    total: int
    at_least: bool = False
    clusters: list[AlertFreshness] = []


class ChangeList(msgspec.Struct):
    items: list[AlertChange]
    next_cursor: str | None
    total: int
    at_least: bool = False


class GroupList(msgspec.Struct):
    """The worst and largest first; `more`: there are more groups than these."""

    items: list[AlertGroup]
    more: bool


class Timeline(msgspec.Struct):
    items: list[TimelineEntry]
    next_cursor: str | None


class ActionWish(Wish, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Either `alerts`, or a `filter`."""

    alerts: Annotated[list[AlertKey], msgspec.Meta(max_length=MOST_SELECTED)] = []  # noqa: RUF012
    filter: FilterBody | None = None


_NOT_LISTED = {"pulled", "starts", "handling", "members", "original"}
_SHOWN = tuple(name for name in Alert.__struct_fields__ if name not in _NOT_LISTED)


class AlertController(Controller):
    path = "/api/v1/alerts"
    tags = ("observability",)
    dependencies = {"only": Provide(asked_filter)}  # noqa: RUF012

    @post("/webhook", status_code=200, summary="Alertmanager's webhook, version 4", opt={"source": True})
    @inject
    async def webhook(self, principal: Caller, alerts: FromDishka[AlertService], data: JSONBody[Webhook]) -> Accepted:
        return Accepted(await alerts.receive(principal, data))

    @post(
        "/webhook/{alert_format:str}",
        status_code=200,
        summary="Alerts in the form of another vendor, one of GET /api/v1/alert-formats",
        opt={"source": True},
    )
    @inject
    async def webhook_of_form(
        self,
        principal: Caller,
        webhooks: FromDishka[AlertWebhooks],
        alert_format: FromPath[str],
        data: JSONBody[dict[str, Any]],
    ) -> Accepted:
        return Accepted(await webhooks.receive(principal, alert_format, data))

    @get(summary="Alerts in scope, newest first", responses=in_part(AlertList))
    @inject
    async def list_alerts(
        self,
        principal: Caller,
        alerts: FromDishka[AlertService],
        pulling: FromDishka[AlertPulling],
        only: NamedDependency[AlertFilter],
        *,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> Response[AlertList]:
        after = decode_cursor(cursor, tuple[datetime, UUID, str])
        page = await alerts.page(principal, only, after, page_size)
        known = await pulling.freshness(principal, only.cluster_ids)
        names = {one.cluster_id: one.cluster for one in known}
        last = page.items[-1] if page.more else None
        listed = AlertList(
            [_listed(alert, names) for alert in page.items],
            encode_cursor((last.starts_at, last.cluster_id, last.fingerprint)) if last else None,
            page.total,
            page.at_least,
            known,
        )
        return Response(listed, status_code=206 if any(one.error for one in known) else 200)

    @get("/counts", summary="How many alerts there are, by what they can be filtered by")
    @inject
    async def counts(
        self, principal: Caller, alerts: FromDishka[AlertService], only: NamedDependency[AlertFilter]
    ) -> AlertCounts:
        return await alerts.counts(principal, only)

    @get("/groups", summary="Alerts that have something in common: a name, a cluster, a severity, a label")
    @inject
    async def groups(
        self,
        principal: Caller,
        alerts: FromDishka[AlertService],
        only: NamedDependency[AlertFilter],
        by: Annotated[str, QueryParameter(max_length=256, description="name, severity, cluster, or a label's name")],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 200,
    ) -> GroupList:
        found = await alerts.groups(principal, only, clean(by) or "name", limit + 1)
        return GroupList(found[:limit], len(found) > limit)

    @post("/actions", status_code=200, summary="Acknowledge, assign, snooze, escalate or comment alerts")
    @inject
    async def act(self, principal: Caller, handling: FromDishka[AlertHandling], data: JSONBody[ActionWish]) -> Handled:
        wish = Wish(**{name: getattr(data, name) for name in Wish.__struct_fields__})
        if data.filter is None:
            return await handling.handle(principal, data.alerts, wish)
        if data.alerts:
            raise Invalid("Name alerts or a filter, not both.", details={"field": "filter"})
        return await handling.handle_all(principal, filter_of(data.filter), wish)

    @get(
        "/rules",
        summary="The rules of the clusters' Prometheus, and which of them fail",
        responses=in_part(RulesFound),
        middleware=[EndsWithItsClient()],
    )
    @inject
    async def rules(
        self,
        principal: Caller,
        service: FromDishka[AlertRules],
        cluster_id: ClusterIds = None,
        failing: FromQuery[bool] = False,
    ) -> Response[RulesFound]:
        found = await service.rules(principal, cluster_ids=cluster_id, failing=failing)
        return reply(found, found.clusters)

    @get("/history", summary="Every change of state of the alerts in scope, newest first")
    @inject
    async def history(
        self,
        principal: Caller,
        alerts: FromDishka[AlertService],
        *,
        cluster_id: FromQuery[list[UUID] | None] = None,
        fingerprint: Annotated[str | None, QueryParameter(max_length=128)] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> ChangeList:
        after = decode_cursor(cursor, tuple[datetime, UUID])
        page = await alerts.history(principal, tuple(cluster_id or ()), clean(fingerprint), after, page_size)
        last = page.items[-1] if page.more else None
        return ChangeList(page.items, encode_cursor((last.at, last.id)) if last else None, page.total, page.at_least)

    @get("/{fingerprint:str}/timeline", summary="What happened to an alert and what people did, newest first")
    @inject
    async def timeline(
        self,
        principal: Caller,
        alerts: FromDishka[AlertService],
        fingerprint: FromPath[str],
        cluster_id: FromQuery[UUID],
        page_size: PageSize = 50,
        cursor: Cursor = None,
    ) -> Timeline:
        after = decode_cursor(cursor, tuple[datetime, UUID])
        key = AlertKey(cluster_id, clean(fingerprint) or "")
        found = await alerts.timeline(principal, key, after, page_size)
        last = found[page_size - 1] if len(found) > page_size else None
        return Timeline(found[:page_size], encode_cursor((last.at, last.id)) if last else None)

    @get("/{fingerprint:str}", summary="One alert of a cluster")
    @inject
    async def get_alert(
        self,
        principal: Caller,
        alerts: FromDishka[AlertService],
        clusters: FromDishka[Clusters],
        fingerprint: FromPath[str],
        cluster_id: FromQuery[UUID],
    ) -> ListedAlert:
        found = await alerts.get(principal, cluster_id, clean(fingerprint) or "")
        return _listed(found, await _names(principal, clusters), whole=True)


class FormatList(msgspec.Struct):
    items: list[FormatShown]


@get("/api/v1/alert-formats", summary="The forms of alerts that the hub reads", tags=["observability"])
@inject
async def alert_formats(principal: Caller, webhooks: FromDishka[AlertWebhooks]) -> FormatList:
    return FormatList(webhooks.formats(principal))


async def _names(principal: Caller, clusters: Clusters) -> dict[UUID, str]:
    return {cluster.id: cluster.name for cluster in await clusters.visible(principal)}


def _listed(alert: Alert, names: dict[UUID, str], *, whole: bool = False) -> ListedAlert:
    values = {name: getattr(alert, name) for name in _SHOWN} | msgspec.structs.asdict(alert.handling)
    original = alert.original if whole else None
    return ListedAlert(cluster=names.get(alert.cluster_id), members=len(alert.members), original=original, **values)
