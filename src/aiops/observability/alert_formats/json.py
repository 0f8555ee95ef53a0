"""Any JSON: the settings say where in it an alert's parts are found."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.needs_alerts import SentAlert

_MOST = 10_000


class AnyJson:
    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Places are names joined by dots (`event.host.name`; a number counts in a list). `alerts`: where the list of
        alerts is, empty where the body is one alert. `key`: what makes two notices one alert, otherwise its name and
        labels. An alert is over where the text at `status` is one of `resolved`."""

        alerts: str = ""
        name: str = "title"
        severity: str = "severity"
        summary: str = "message"
        url: str = "url"
        status: str = "status"
        resolved: tuple[str, ...] = ("resolved", "ok", "closed", "recovered", "0")
        starts_at: str = "starts_at"
        key: tuple[str, ...] = ()
        labels: dict[str, str] = {}

    def __init__(self, config: Config) -> None:
        self._config = config

    def read(self, body: dict[str, Any], now: datetime) -> list[tuple[SentAlert, dict[str, Any]]]:
        items: Any = _at(body, self._config.alerts) if self._config.alerts else [body]
        if not isinstance(items, list) or len(items) > _MOST or not all(isinstance(one, dict) for one in items):
            raise Invalid(f"At {self._config.alerts!r} there is no list of at most {_MOST} alerts.")
        return [(self._alert(one, now), one) for one in items]

    def _alert(self, told: dict[str, Any], now: datetime) -> SentAlert:
        config = self._config
        name = _text(told, config.name)
        if not name:
            raise Invalid(f"At {config.name!r} an alert has no name: the source's settings say where it is.")
        found = {label: _text(told, place) for label, place in {**config.labels, "severity": config.severity}.items()}
        labels = {"alertname": name, **{label: value for label, value in found.items() if value}}
        resolved = _text(told, config.status).lower() in {word.lower() for word in config.resolved}
        summary, marks = _text(told, config.summary), [_text(told, place) for place in config.key]
        # Severity may change within an episode, and is no part of what an alert is.
        identity = marks if any(marks) else sorted((k, v) for k, v in labels.items() if k != "severity")
        return SentAlert(
            labels,
            _moment(told, config.starts_at) or now,
            "resolved" if resolved else "firing",
            {"summary": summary} if summary else {},
            now if resolved else None,
            _text(told, config.url) or None,
            hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:16],
        )


def _at(value: Any, place: str) -> Any:
    for part in place.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _text(told: dict[str, Any], place: str) -> str:
    value = _at(told, place) if place else None
    return "" if value is None or isinstance(value, (dict, list)) else str(value)[:2048]


def _moment(told: dict[str, Any], place: str) -> datetime | None:
    value = _at(told, place) if place else None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            # Milliseconds since 1970 are larger than any seconds that are meant.
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        if isinstance(value, str):
            return datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    return None
