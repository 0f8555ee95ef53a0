"""What a cluster's Prometheus says of its own rules and of the alerts that they raise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import aiohttp
import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Retriable
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.asking import Asking, not_answering, plain_message, speaks_otherwise
from aiops.observability.domain import alert_fingerprint
from aiops.observability.ports import AlertState, Labels
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


class _Runtime(msgspec.Struct):
    startTime: datetime


class _RuntimeReply(msgspec.Struct):
    data: _Runtime


class PrometheusRules:
    """Implements `RemoteAlerts` and `RemoteRules`, for Prometheus and what answers as it does."""

    def __init__(self, connection: Outbound | aiohttp.ClientSession, clock: Clock) -> None:
        self._asking = Asking(connection, clock, smaller="it keeps too many rules or alerts.")

    async def alerts(self, target: Target, timeout_s: float) -> list[FoundAlert]:
        reply = await self._ask(target, "alerts", _AlertsReply, timeout_s)
        return [
            _found(alert)
            for alert in reply.data.alerts
            if alert.activeAt is not None and alert.state in _STATES and _ours(target, alert.labels)
        ]

    async def up_since(self, target: Target, timeout_s: float) -> datetime | None:
        try:
            reply = await self._ask(target, "status/runtimeinfo", _RuntimeReply, timeout_s)
        except Retriable:
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

    async def _ask(self, target: Target, path: str, kind: type[T], timeout_s: float) -> T:
        body = await self._asking.ask(target, "GET", f"/api/v1/{path}", (), timeout_s, _judge)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise speaks_otherwise("Prometheus", error) from error


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


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise speaks_otherwise("Prometheus", error) from error


def _judge(status: int, body: bytes) -> AiopsError:
    return not_answering(status, plain_message(body) if body[:1] != b"{" else None)
