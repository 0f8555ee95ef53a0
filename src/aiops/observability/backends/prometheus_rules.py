"""What a cluster's Prometheus says of its own rules and of the alerts that they raise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import aiohttp
import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, NotFound, Retriable
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.asking import AT_ONCE, Asking, Form, not_answering, plain_message, speaks_otherwise
from aiops.observability.domain import alert_fingerprint
from aiops.observability.ports import AlertState, InstantSeries, Labels
from aiops.observability.service.alert_pull_remote import FoundAlert, FoundRule
from aiops.registry.ports import Target

T = TypeVar("T")


class _Alert(msgspec.Struct):
    labels: Labels
    state: str
    activeAt: datetime | None = None
    annotations: Labels = {}


class _Alerts(msgspec.Struct):
    alerts: list[_Alert]


class _AlertsReply(msgspec.Struct):
    data: _Alerts


class _Rule(msgspec.Struct):
    name: str
    query: str = ""
    type: str = ""
    health: str = "unknown"
    state: str | None = None
    lastError: str | None = None
    lastEvaluation: datetime | None = None
    evaluationTime: float | None = None
    duration: float | None = None
    labels: Labels = {}
    alerts: list[_Alert] | None = None


class _Group(msgspec.Struct):
    name: str
    rules: list[_Rule]
    interval: float | None = None


class _Groups(msgspec.Struct):
    groups: list[_Group]


class _RulesReply(msgspec.Struct):
    data: _Groups


class _Vector(msgspec.Struct):
    result: list[InstantSeries]


class _SeriesReply(msgspec.Struct):
    data: _Vector


class _Runtime(msgspec.Struct):
    startTime: datetime


class _RuntimeReply(msgspec.Struct):
    data: _Runtime


class PrometheusRules:
    """Implements `RemoteAlerts` and `RemoteRules`, for Prometheus and what answers as it does."""

    def __init__(self, connection: Outbound | aiohttp.ClientSession, clock: Clock, *, at_once: int = AT_ONCE) -> None:
        self._asking = Asking(connection, clock, at_once=at_once, smaller="it keeps too many rules or alerts.")

    async def alerts(self, target: Target, timeout_s: float) -> list[FoundAlert]:
        """By the page of its alerts; of what holds several clusters, or has no such page, by the series `ALERTS`."""
        if target.selector:
            return await self._series(target, timeout_s)
        try:
            reply = await self._ask(target, "alerts", _AlertsReply, timeout_s)
        except NotFound:
            return await self._series(target, timeout_s)
        return [
            _found(alert)
            for alert in reply.data.alerts
            if alert.activeAt is not None and alert.state in _STATES and _ours(target, alert.labels)
        ]

    async def up_since(self, target: Target, timeout_s: float) -> datetime | None:
        try:
            reply = await self._ask(target, "status/runtimeinfo", _RuntimeReply, timeout_s)
        except (NotFound, Retriable):
            # What stands for a Prometheus need not have this page.
            return None
        return _utc(reply.data.startTime)

    async def rules(self, target: Target, timeout_s: float) -> list[FoundRule]:
        reply = await self._ask(target, "rules", _RulesReply, timeout_s)
        # Of rules that several clusters share, those without the cluster's labels may be somebody else's.
        return [
            _rule(target, group, rule)
            for group in reply.data.groups
            for rule in group.rules
            if _ours(target, rule.labels)
        ]

    async def _series(self, target: Target, timeout_s: float) -> list[FoundAlert]:
        """They say nothing of annotations, and when an alert began by a series of its own."""
        matchers = [f"{name}={msgspec.json.encode(value).decode()}" for name, value in target.selector.items()]
        query = "{" + ",".join(('__name__=~"ALERTS|ALERTS_FOR_STATE"', *matchers)) + "}"
        reply = await self._ask(target, "query", _SeriesReply, timeout_s, (("query", query),))
        began: dict[str, datetime] = {}
        states: dict[str, tuple[Labels, AlertState]] = {}
        for one in reply.data.result:
            labels = {name: value for name, value in one.metric.items() if name not in _NOT_THE_ALERTS}
            mark = alert_fingerprint(labels)
            if one.metric.get("__name__") == "ALERTS_FOR_STATE":
                since = _moment(one.value[1])
                if since is not None:
                    began[mark] = min(since, began.get(mark, since))
            elif (state := _STATES.get(one.metric.get("alertstate", ""))) is not None:
                # Of a pair, one may still wait where the other fires.
                fires = mark in states and states[mark][1] is AlertState.FIRING
                states[mark] = (labels, AlertState.FIRING if fires else state)
        return [
            FoundAlert(labels=labels, annotations={}, starts_at=began.get(mark), fingerprint=mark, state=state)
            for mark, (labels, state) in states.items()
        ]

    async def _ask(self, target: Target, path: str, kind: type[T], timeout_s: float, form: Form = ()) -> T:
        body = await self._asking.ask(target, "GET", f"/api/v1/{path}", form, timeout_s, _judge)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise speaks_otherwise("Prometheus", error) from error


# Those of a pair differ by the last three alone.
_NOT_THE_ALERTS = frozenset({"__name__", "alertstate", "replica", "prometheus_replica", "__replica__"})
_STATES = {"firing": AlertState.FIRING, "pending": AlertState.PENDING}


def _ours(target: Target, labels: Labels) -> bool:
    return all(labels.get(name) == value for name, value in target.selector.items())


def _found(alert: _Alert) -> FoundAlert:
    assert alert.activeAt is not None
    return FoundAlert(
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=_utc(alert.activeAt),
        fingerprint=alert_fingerprint(alert.labels),
        state=_STATES[alert.state],
    )


def _rule(target: Target, group: _Group, rule: _Rule) -> FoundRule:
    evaluated = rule.lastEvaluation if rule.lastEvaluation is not None and rule.lastEvaluation.year > 1 else None
    return FoundRule(
        group=group.name,
        name=rule.name,
        kind=rule.type,
        query=rule.query,
        health=rule.health,
        state=rule.state,
        last_error=rule.lastError or None,
        evaluated_at=None if evaluated is None else _utc(evaluated),
        evaluation_s=rule.evaluationTime,
        interval_s=group.interval,
        for_s=rule.duration,
        labels=rule.labels,
        alerts=sum(_ours(target, alert.labels) for alert in rule.alerts or ()),
    )


def _moment(seconds: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise speaks_otherwise("Prometheus", error) from error


def _judge(status: int, body: bytes) -> AiopsError:
    if status == 404:
        return NotFound("It has no such page.")
    return not_answering(status, plain_message(body) if body[:1] != b"{" else None)
