"""The face that every context shows to the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dishka import AsyncContainer, Provider

from aiops.kernel.events import Event
from aiops.kernel.outbox import Handle, HandleTogether
from aiops.kernel.retention import Keep


class Runnable(Protocol):
    async def run(self) -> None:
        """Work until cancelled; the supervisor starts it again, with growing pauses, where it raises."""


@dataclass(frozen=True)
class HandlerSpec:
    """A reaction to events; `build` is called once, when the application has been composed, and so is
    `build_together`, for a reaction that takes many at once."""

    name: str
    event_types: tuple[type[Event], ...]
    build: Callable[[AsyncContainer], Awaitable[Handle]]
    build_together: Callable[[AsyncContainer], Awaitable[HandleTogether]] | None = None


@dataclass(frozen=True)
class JobSpec:
    """A background job of the process; `build` gives an object whose `run` never returns."""

    name: str
    build: Callable[[AsyncContainer], Awaitable[Runnable]]


@dataclass(frozen=True)
class Context:
    """All that the composition root needs of a bounded context.

    `provider` makes its objects, at `Scope.APP`; `routes` are Litestar controllers or handlers with their full paths.
    """

    name: str
    provider: Provider
    routes: Sequence[Any] = ()
    events: tuple[type[Event], ...] = ()
    handlers: tuple[HandlerSpec, ...] = ()
    jobs: tuple[JobSpec, ...] = ()
    keeps: tuple[Callable[[AsyncContainer], Awaitable[Keep]], ...] = ()
