"""Alertmanager's webhook, the alerts and their history."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.http.ingest import Accepted
from aiops.observability.http.metrics import ClusterIds, in_part, reply
from aiops.observability.needs import AlertFilter
from aiops.observability.ports import Alert, AlertChange, AlertFreshness, AlertState, Labels, Severity
from aiops.observability.service.alert_pull import AlertPulling
from aiops.observability.service.alert_rules import AlertRules, RulesFound
from aiops.observability.service.alerts import AlertService, Webhook
from aiops.registry.ports import Clusters

PageSize = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(max_length=512)]


class ListedAlert(msgspec.Struct):
    """As the port's alert, with the cluster's name."""

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


class AlertList(msgspec.Struct):
    """`clusters` say how old what is known of each is."""

    items: list[ListedAlert]
    next_cursor: str | None
    total: int
    clusters: list[AlertFreshness] = []


class ChangeList(msgspec.Struct):
    items: list[AlertChange]
    next_cursor: str | None
    total: int


class AlertController(Controller):
    path = "/api/v1/alerts"
    tags = ("observability",)

    @post("/webhook", status_code=200, summary="Alertmanager's webhook, version 4", opt={"source": True})
    @inject
    async def webhook(self, principal: Caller, alerts: FromDishka[AlertService], data: JSONBody[Webhook]) -> Accepted:
        return Accepted(await alerts.receive(principal, data))

    @get(summary="Alerts in scope, newest first", responses=in_part(AlertList))
    @inject
    async def list_alerts(
        self,
        principal: Caller,
        alerts: FromDishka[AlertService],
        pulling: FromDishka[AlertPulling],
        *,
        alert_state: Annotated[AlertState | None, QueryParameter(name="state")] = None,
        severity: FromQuery[Severity | None] = None,
        cluster_id: FromQuery[list[UUID] | None] = None,
        q: Annotated[str | None, QueryParameter(max_length=200)] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> Response[AlertList]:
        after = _decode(cursor, tuple[datetime, UUID, str])
        only = AlertFilter(None, tuple(cluster_id or ()), alert_state, severity, _text(q))
        page = await alerts.page(principal, only, after, page_size)
        known = await pulling.freshness(principal, cluster_id or ())
        names = {one.cluster_id: one.cluster for one in known}
        last = page.items[-1] if page.more else None
        listed = AlertList(
            [_listed(alert, names) for alert in page.items],
            _encode((last.starts_at, last.cluster_id, last.fingerprint)) if last else None,
            page.total,
            known,
        )
        return Response(listed, status_code=206 if any(one.error for one in known) else 200)

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
        after = _decode(cursor, tuple[datetime, UUID])
        page = await alerts.history(principal, tuple(cluster_id or ()), _text(fingerprint), after, page_size)
        last = page.items[-1] if page.more else None
        return ChangeList(page.items, _encode((last.at, last.id)) if last else None, page.total)

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
        found = await alerts.get(principal, cluster_id, _text(fingerprint) or "")
        return _listed(found, await _names(principal, clusters))


async def _names(principal: Caller, clusters: Clusters) -> dict[UUID, str]:
    return {cluster.id: cluster.name for cluster in await clusters.visible(principal)}


def _listed(alert: Alert, names: dict[UUID, str]) -> ListedAlert:
    values = {name: getattr(alert, name) for name in alert.__struct_fields__ if name != "pulled"}
    return ListedAlert(cluster=names.get(alert.cluster_id), **values)


def _text(value: str | None) -> str | None:
    if value and "\x00" in value:
        raise Invalid("A text can't hold a zero byte.")
    return value or None


def _encode(place: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def _decode(cursor: str | None, kind: Any) -> Any:
    if not cursor:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=kind)
    except (binascii.Error, ValueError):
        raise Invalid("The cursor is not one that the hub gave.") from None
