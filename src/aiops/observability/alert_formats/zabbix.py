"""Zabbix' webhook media type, whose script posts its parameters as they are. They bear the names of the media types
that come with Zabbix: `event_value` ({EVENT.VALUE}), `event_id`, `trigger_id`, `event_name`, `event_nseverity`,
`event_update_status`, `host_name`, `event_tags` ({EVENT.TAGSJSON}); `docs/alerts.md` has the list to paste."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.domain import LONGEST_VALUE, alert_fingerprint, label_name
from aiops.observability.needs_alerts import SentAlert

# Not classified, Information, Warning, Average, High, Disaster.
_SEVERITIES = ("info", "info", "low", "medium", "high", "critical")
_KEPT = {"host_name": "instance", "host_group": "group"}


class _Tag(msgspec.Struct):
    tag: str
    value: str = ""


class _Sent(msgspec.Struct):
    """`event_value`: 1 a problem, 0 its end. `event_update_status`: 1 where somebody only wrote on it."""

    event_value: Literal["0", "1"]
    event_id: str
    event_name: str
    trigger_id: str = ""
    event_update_status: str = "0"
    event_nseverity: str = ""
    event_opdata: str = ""
    alert_message: str = ""
    host_name: str = ""
    host_group: str = ""
    event_url: str = ""
    event_tags: Any = ()


class Zabbix:
    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    def __init__(self, config: Config) -> None:
        self._config = config

    def read(self, body: dict[str, Any], now: datetime) -> list[tuple[SentAlert, dict[str, Any]]]:
        try:
            sent = msgspec.convert({name: _text(value) for name, value in body.items()}, _Sent)
            tags = _tags(sent.event_tags)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise Invalid(f"This is no message of Zabbix: {error}") from None
        if not sent.event_name or not sent.event_id:
            raise Invalid("A message of Zabbix needs an event_id and an event_name.")
        over = sent.event_value == "0"
        if sent.event_update_status == "1" and not over:
            return []
        labels = {**tags, **{label: getattr(sent, name) for name, label in _KEPT.items() if getattr(sent, name)}}
        labels["alertname"] = sent.event_name[:LONGEST_VALUE]
        labels.pop("severity", None)
        if sent.event_nseverity.isdecimal() and int(sent.event_nseverity) < len(_SEVERITIES):
            labels["severity"] = _SEVERITIES[int(sent.event_nseverity)]
        texts = {"summary": sent.event_opdata, "description": sent.alert_message}
        identity = {"trigger": sent.trigger_id, "host": sent.host_name} if sent.trigger_id else {"event": sent.event_id}
        alert = SentAlert(
            labels,
            now,
            "resolved" if over else "firing",
            {name: text for name, text in texts.items() if text},
            now if over else None,
            sent.event_url or None,
            alert_fingerprint({"zabbix": "", **identity}),
        )
        return [(alert, body)]


def _text(value: Any) -> Any:
    """A macro that Zabbix knows nothing for stays as it is written."""
    if isinstance(value, str):
        return "" if value.startswith(("{", "*")) and value.endswith(("}", "*")) and '"' not in value else value.strip()
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _tags(told: Any) -> dict[str, str]:
    """A list, or that as JSON in a text."""
    read = msgspec.json.decode(told) if isinstance(told, str) and told else told or []
    tags: dict[str, str] = {}
    for one in msgspec.convert(read, list[_Tag]):
        if one.tag and one.value:
            tags.setdefault(label_name(one.tag), one.value[:LONGEST_VALUE])
    return tags
