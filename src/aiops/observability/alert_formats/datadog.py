"""Datadog's webhooks integration. Its payload is a template of the user's: read are the payload that it comes with
(where a title as `[Triggered on {host:a}] Name` says what happened), and one whose fields are named after Datadog's
variables, in small letters: `"alert_id": "$ALERT_ID"` (docs.datadoghq.com/integrations/webhooks, "Variables")."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.domain import LONGEST_VALUE, alert_fingerprint, label_name
from aiops.observability.needs_alerts import SentAlert

_TITLE = re.compile(r"\[(?P<what>[A-Za-z -]{1,32}?)(?: on \{(?P<scope>[^}]*)\})?\]\s*(?P<name>.+)", re.DOTALL)
_OVER = frozenset({"recovered"})
_BURNS = frozenset({"triggered", "no data", "warn", "renotify"})


class _Sent(msgspec.Struct):
    """Variables that have no value arrive as the empty text, or as their own name with the $."""

    id: str = ""
    title: str = ""
    event_title: str = ""
    alert_title: str = ""
    body: str = ""
    event_msg: str = ""
    alert_status: str = ""
    alert_id: str = ""
    aggreg_key: str = ""
    alert_transition: str = ""
    alert_type: str = ""
    alert_priority: str = ""
    alert_metric: str = ""
    alert_scope: str = ""
    hostname: str = ""
    tags: str = ""
    link: str = ""
    date: str = ""


class Datadog:
    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    def __init__(self, config: Config) -> None:
        self._config = config

    def read(self, body: dict[str, Any], now: datetime) -> list[tuple[SentAlert, dict[str, Any]]]:
        try:
            sent = msgspec.convert(body, _Sent, strict=False)
        except msgspec.ValidationError as error:
            raise Invalid(f"This is no notification of Datadog: {error}") from None
        given = {
            name: "" if text == f"${name.upper()}" else text.strip()
            for name in _Sent.__struct_fields__
            if (text := getattr(sent, name)) is not None
        }
        return [(_alert(_Sent(**given), now), body)]


def _alert(sent: _Sent, now: datetime) -> SentAlert:
    title = sent.alert_title or sent.event_title or sent.title
    found = _TITLE.fullmatch(title)
    what = (sent.alert_transition or (found["what"] if found else "")).lower().removeprefix("re-")
    if what not in _OVER | _BURNS:
        raise Invalid(
            'It tells no transition: put "alert_transition": "$ALERT_TRANSITION" into the webhook\'s payload.'
        )
    name = (found["name"] if found else title).strip() or sent.alert_metric
    if not name:
        raise Invalid('It has no name: put "alert_title": "$ALERT_TITLE" into the webhook\'s payload.')
    scope = sent.alert_scope or ((found and found["scope"]) or "")
    labels = _labels(sent, scope) | {"alertname": name[:LONGEST_VALUE]}
    severity = sent.alert_priority or ("warning" if what == "warn" else sent.alert_type if what not in _OVER else "")
    if severity:
        labels["severity"] = severity
    over, at = what in _OVER, _moment(sent.date) or now
    texts = {"summary": sent.alert_status or title, "description": sent.body or sent.event_msg}
    identity = [sent.alert_id, scope] if sent.alert_id else [sent.aggreg_key] if sent.aggreg_key else [name, scope]
    return SentAlert(
        labels,
        at,
        "resolved" if over else "firing",
        {key: text for key, text in texts.items() if text},
        at if over else None,
        sent.link or None,
        alert_fingerprint({str(place): part for place, part in enumerate(["datadog", *identity])}),
    )


def _labels(sent: _Sent, scope: str) -> dict[str, str]:
    """Tags are `name:value`, parted by commas; of several values of a name the first counts."""
    labels: dict[str, str] = {}
    for tag in f"{scope},{sent.tags}".split(","):
        name, colon, value = tag.strip().partition(":")
        if colon and name and value:
            labels.setdefault(label_name(name), value[:LONGEST_VALUE])
    if sent.hostname:
        labels.setdefault("host", sent.hostname)
    return {name: value for name, value in labels.items() if name not in ("alertname", "severity")}


def _moment(text: str) -> datetime | None:
    try:
        number = float(text)
        # Milliseconds since 1970 are larger than any seconds that are meant.
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
