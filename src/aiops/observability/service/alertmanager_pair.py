"""Two Alertmanagers of one cluster, each with an address of its own, asked as if they were one.

Every Prometheus tells all members of its alerts, so the list of one is whole as long as it has been up; silences travel
between the members by gossip (https://prometheus.io/docs/alerting/latest/high_availability/).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

from aiops.kernel.errors import AiopsError, Retriable
from aiops.observability.service.alert_pull_remote import FoundAlert, RemoteAlerts
from aiops.observability.service.silences_remote import FoundSilence, RemoteSilences, WantedSilence
from aiops.registry.ports import Target

T = TypeVar("T")

_SHARE_OF_FIRST = 0.5
"""Of the time, before the second is asked in its place."""


class RemoteAlertmanager(RemoteAlerts, RemoteSilences, Protocol):
    pass


class AlertmanagerPair:
    """Implements `RemoteAlerts` and `RemoteSilences`, for targets with and without a `peer`."""

    def __init__(self, one: RemoteAlertmanager) -> None:
        self._one = one

    async def alerts(self, target: Target, timeout_s: float) -> list[FoundAlert]:
        """What either has, each alert once; raises where neither answers."""
        found = await self._both(target, lambda one: self._one.alerts(one, timeout_s))
        # The first member's word on whether it is silenced stands.
        return list({alert.fingerprint: alert for alerts in reversed(found) for alert in alerts}.values())

    async def up_since(self, target: Target, timeout_s: float) -> datetime | None:
        """Of the one that has been up longer: it has forgotten less."""
        found = await self._both(target, lambda one: self._one.up_since(one, timeout_s))
        return min((at for at in found if at is not None), default=None)

    async def silences(self, target: Target, timeout_s: float) -> list[FoundSilence]:
        return await self._one_of(target, timeout_s, self._one.silences)

    async def silence(self, target: Target, silence_id: str, timeout_s: float) -> FoundSilence:
        async def ask(one: Target, within_s: float) -> FoundSilence:
            return await self._one.silence(one, silence_id, within_s)

        return await self._one_of(target, timeout_s, ask)

    async def create(self, target: Target, wanted: WantedSilence, timeout_s: float) -> str:
        return await self._one.create(await self._answering(target, timeout_s), wanted, timeout_s)

    async def expire(self, target: Target, silence_id: str, timeout_s: float) -> None:
        await self._one.expire(await self._answering(target, timeout_s), silence_id, timeout_s)

    async def _both(self, target: Target, ask: Callable[[Target], Awaitable[T]]) -> list[T]:
        if target.peer is None:
            return [await ask(target)]
        found: list[T] = []
        failed: list[AiopsError] = []

        async def one(member: Target) -> T | AiopsError:
            try:
                return await ask(member)
            except AiopsError as error:
                return error

        for answer in await asyncio.gather(one(target), one(target.peer)):
            if isinstance(answer, AiopsError):
                failed.append(answer)
            else:
                found.append(answer)
        if not found:
            raise failed[0]
        return found

    async def _one_of(self, target: Target, timeout_s: float, ask: Callable[[Target, float], Awaitable[T]]) -> T:
        """What the first says, or the second where the first does not answer: for what only reads."""
        if target.peer is None:
            return await ask(target, timeout_s)
        try:
            return await ask(target, timeout_s * _SHARE_OF_FIRST)
        except Retriable:
            return await ask(target.peer, timeout_s * (1 - _SHARE_OF_FIRST))

    async def _answering(self, target: Target, timeout_s: float) -> Target:
        """The member to send a change to. It is looked for first, since a change may have been made though its answer
        was lost: then sending it to the other would make it twice."""
        if target.peer is None:
            return target
        try:
            await self._one.up_since(target, timeout_s * _SHARE_OF_FIRST)
        except Retriable:
            return target.peer
        return target
