"""PagerDuty's Events API v2 (`event_action`, `dedup_key`, `payload`), which many tools can send."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.domain import alert_fingerprint
from aiops.observability.needs_alerts import SentAlert


class _Payload(msgspec.Struct):
    summary: str
    source: str
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: datetime | None = None
    component: str | None = None
    group: str | None = None
    kind: str | None = msgspec.field(default=None, name="class")


class _Sent(msgspec.Struct):
    event_action: Literal["trigger", "acknowledge", "resolve"]
    payload: _Payload | None = None
    dedup_key: str | None = None
    client_url: str | None = None


class PagerDuty:
    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    def __init__(self, config: Config) -> None:
        self._config = config

    def read(self, body: dict[str, Any], now: datetime) -> list[tuple[SentAlert, dict[str, Any]]]:
        try:
            event = msgspec.convert(body, _Sent)
        except msgspec.ValidationError as error:
            raise Invalid(f"This is no event of PagerDuty's API, version 2: {error}") from None
        if event.event_action == "acknowledge":
            return []
        resolved = event.event_action == "resolve"
        if event.dedup_key is None and (resolved or event.payload is None):
            raise Invalid("An event without a payload needs the dedup_key of an earlier one.")
        labels, annotations = _told(event)
        alert = SentAlert(
            labels,
            (event.payload and event.payload.timestamp) or now,
            "resolved" if resolved else "firing",
            annotations,
            now if resolved else None,
            event.client_url,
            alert_fingerprint({"dedup_key": event.dedup_key}) if event.dedup_key else "",
        )
        return [(alert, body)]


def _told(event: _Sent) -> tuple[dict[str, str], dict[str, str]]:
    payload = event.payload
    if payload is None:
        return {"alertname": str(event.dedup_key)}, {}
    given = {"component": payload.component, "group": payload.group, "class": payload.kind}
    labels = {"alertname": payload.kind or payload.summary[:256], "instance": payload.source}
    labels |= {"severity": payload.severity, **{name: value for name, value in given.items() if value}}
    return labels, {"summary": payload.summary}
