"""A cluster's Alertmanager, by version 2 of its HTTP API."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp
import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid, NotFound, PermissionDenied
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.asking import (
    AT_ONCE,
    Asking,
    not_answering,
    plain_message,
    shortened,
    speaks_otherwise,
)
from aiops.observability.ports import Labels
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.observability.service.silences_remote import FoundSilence, SilenceMatcher, SilenceState, WantedSilence
from aiops.registry.ports import Target

T = TypeVar("T")

_WHAT = "version 2 Alertmanager"
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class _AlertStatus(msgspec.Struct):
    state: str
    silencedBy: list[str] | None = None
    inhibitedBy: list[str] | None = None


class _Alert(msgspec.Struct):
    labels: Labels
    startsAt: datetime
    fingerprint: str
    status: _AlertStatus
    annotations: Labels = {}
    generatorURL: str | None = None


class _Matcher(msgspec.Struct):
    name: str
    value: str
    isRegex: bool
    isEqual: bool = True


class _SilenceStatus(msgspec.Struct):
    state: str


class _Silence(msgspec.Struct):
    id: str
    status: _SilenceStatus
    matchers: list[_Matcher]
    startsAt: datetime
    endsAt: datetime
    updatedAt: datetime
    createdBy: str = ""
    comment: str = ""


class _NewSilence(msgspec.Struct):
    matchers: list[_Matcher]
    startsAt: datetime
    endsAt: datetime
    createdBy: str
    comment: str


class _Created(msgspec.Struct):
    silenceID: str


class _Status(msgspec.Struct):
    uptime: datetime


class AlertmanagerBackend:
    """Implements `RemoteAlerts` and `RemoteSilences`."""

    def __init__(self, connection: Outbound | aiohttp.ClientSession, clock: Clock, *, at_once: int = AT_ONCE) -> None:
        self._asking = Asking(connection, clock, at_once=at_once, smaller="it keeps too many alerts or silences.")

    async def alerts(self, target: Target, timeout_s: float) -> list[FoundAlert]:
        narrowed = [("filter", f"{name}={msgspec.json.encode(value).decode()}") for name, value in _share(target)]
        body = await self._asking.ask(target, "GET", "/api/v2/alerts", narrowed, timeout_s, _judge)
        return [
            _found(alert)
            for alert in _decoded(body, list[_Alert])
            # Nothing of another cluster may come in by a server that does not filter.
            if all(alert.labels.get(name) == value for name, value in _share(target))
        ]

    async def up_since(self, target: Target, timeout_s: float) -> datetime | None:
        body = await self._asking.ask(target, "GET", "/api/v2/status", (), timeout_s, _judge)
        return _decoded(body, _Status).uptime

    async def silences(self, target: Target, timeout_s: float) -> list[FoundSilence]:
        body = await self._asking.ask(target, "GET", "/api/v2/silences", (), timeout_s, _judge)
        return [_silence(silence) for silence in _decoded(body, list[_Silence])]

    async def silence(self, target: Target, silence_id: str, timeout_s: float) -> FoundSilence:
        body = await self._asking.ask(target, "GET", _path(silence_id), (), timeout_s, _judge_one)
        return _silence(_decoded(body, _Silence))

    async def create(self, target: Target, wanted: WantedSilence, timeout_s: float) -> str:
        matchers = [_Matcher(one.name, one.value, one.is_regex, one.is_equal) for one in wanted.matchers]
        sent = _NewSilence(matchers, wanted.starts_at, wanted.ends_at, wanted.created_by, wanted.comment)
        body = await self._asking.ask(
            target, "POST", "/api/v2/silences", (), timeout_s, _judge, changes=msgspec.json.encode(sent)
        )
        return _decoded(body, _Created).silenceID

    async def expire(self, target: Target, silence_id: str, timeout_s: float) -> None:
        await self._asking.ask(target, "DELETE", _path(silence_id), (), timeout_s, _judge_one, changes=b"")


def _share(target: Target) -> list[tuple[str, str]]:
    return list(target.selector.items())


def _path(silence_id: str) -> str:
    # Anything else could lead to another page of the server.
    if not _ID.fullmatch(silence_id):
        raise NotFound("There is no such silence in this cluster.")
    return f"/api/v2/silence/{silence_id}"


def _found(alert: _Alert) -> FoundAlert:
    return FoundAlert(
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=_utc(alert.startsAt),
        fingerprint=alert.fingerprint,
        generator_url=alert.generatorURL or None,
        suppressed=alert.status.state == "suppressed",
        silenced_by=tuple(sorted(alert.status.silencedBy or ())),
        inhibited_by=tuple(sorted(alert.status.inhibitedBy or ())),
    )


def _silence(silence: _Silence) -> FoundSilence:
    try:
        state = SilenceState(silence.status.state.upper())
    except ValueError as error:
        raise speaks_otherwise(_WHAT, error) from error
    return FoundSilence(
        id=silence.id,
        state=state,
        matchers=tuple(SilenceMatcher(one.name, one.value, one.isRegex, one.isEqual) for one in silence.matchers),
        starts_at=_utc(silence.startsAt),
        ends_at=_utc(silence.endsAt),
        updated_at=_utc(silence.updatedAt),
        created_by=silence.createdBy,
        comment=silence.comment,
    )


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise speaks_otherwise(_WHAT, error) from error


def _judge(status: int, body: bytes) -> AiopsError:
    message = _message(body)
    if status in {401, 403}:
        return PermissionDenied(f"Its Alertmanager does not allow the hub's credentials to do this (HTTP {status}).")
    if message is not None and status in {400, 422}:
        return Invalid(f"Its Alertmanager refused this: {message}")
    return not_answering(status, message)


def _judge_one(status: int, body: bytes) -> AiopsError:
    # It answers 422 to an id that has not the form of one, and 500 in words to one that has expired already.
    if status in {404, 422} or (status == 500 and b"not found" in body):
        return NotFound("There is no such silence in this cluster.")
    return _judge(status, body)


def _message(body: bytes) -> str | None:
    """It writes errors as a JSON text, or as an object with a message."""
    try:
        told: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return plain_message(body)
    text = told.get("message") if isinstance(told, dict) else told
    return shortened(text) if isinstance(text, str) and text else None


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise speaks_otherwise(_WHAT, error) from error
