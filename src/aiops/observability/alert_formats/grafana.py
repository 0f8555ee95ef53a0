"""Grafana's alerting webhook (contact point "Webhook", Grafana 9 and later), which extends Alertmanager's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.needs_alerts import SentAlert

_LINKS = {"dashboardURL": "dashboard_url", "panelURL": "panel_url", "valueString": "value"}


class _Notice(msgspec.Struct):
    alerts: list[dict[str, Any]]


class Grafana:
    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    def __init__(self, config: Config) -> None:
        self._config = config

    def read(self, body: dict[str, Any], now: datetime) -> list[tuple[SentAlert, dict[str, Any]]]:
        try:
            notice = msgspec.convert(body, _Notice)
            return [(_alert(one), one) for one in notice.alerts]
        except msgspec.ValidationError as error:
            raise Invalid(f"This is no notification of Grafana: {error}") from None


def _alert(told: dict[str, Any]) -> SentAlert:
    alert = msgspec.convert(told, SentAlert)
    links = {name: told[field] for field, name in _LINKS.items() if isinstance(told.get(field), str) and told[field]}
    return msgspec.structs.replace(alert, annotations=links | alert.annotations)
