"""Alerts of many vendors, each in its own form: read by the plugin of that form, with the source's own settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import NotFound, PermissionDenied
from aiops.kernel.plugins import Plugins
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.needs import SourceStore
from aiops.observability.needs_alerts import AlertFormat
from aiops.observability.service.alerts import AlertService


class FormatShown(msgspec.Struct, frozen=True):
    """`settings` is the JSON schema of what a source of this form may be set to."""

    name: str
    settings: dict[str, Any]


class AlertWebhooks:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        sources: SourceStore,
        alerts: AlertService,
        formats: Plugins[AlertFormat],
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._sources = sources
        self._alerts = alerts
        self._formats = formats

    def formats(self, principal: Principal) -> list[FormatShown]:
        principal.require(Role.VIEWER)
        return [FormatShown(one.name, one.schema()) for one in self._formats]

    def check(self, name: str, settings: dict[str, Any]) -> None:
        """Raises `NotFound` for a form that there is not, `Invalid` for settings that it does not take."""
        self._format(name, settings)

    async def receive(self, principal: Principal, name: str, body: dict[str, Any]) -> int:
        """Take a notification whole, as `AlertService.receive`."""
        if principal.kind != PrincipalKind.SERVICE:
            raise PermissionDenied("Alerts are sent with the token of a source, which binds the cluster.")
        async with self._transactions.look() as tx:
            settings = await self._sources.alert_settings(tx, UUID(principal.id))
        told = self._format(name, settings.get(name, {})).read(body, self._clock.now())
        return await self._alerts.take(principal, told, name)

    def _format(self, name: str, settings: dict[str, Any]) -> AlertFormat:
        if name not in self._formats.usable:
            there_are = ", ".join(sorted(self._formats.usable))
            raise NotFound(f"The hub reads no alerts of the form {name[:64]!r}; it reads {there_are}.")
        return self._formats[name].build(settings)
