"""Clusters with an Alertmanager or a Prometheus each, and what raises alerts there: what the tests of alerts share."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen

import aiohttp
from aiohttp import web

from aiops.kernel.errors import AiopsError
from aiops.kernel.principal import Principal
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.registry.ports import Target
from tests.lab.served import Served
from tests.lab.servers import Alertmanager, free_port

SYSTEM = Principal.system("test")
QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class FakeRemoteAlerts:
    """Implements `RemoteAlerts`: answers what it was told to, or raises `fails`."""

    def __init__(self) -> None:
        self.found: list[FoundAlert] = []
        self.started_at: datetime | None = None
        self.fails: AiopsError | None = None
        self.asked = 0

    async def alerts(self, target: Target, timeout_s: float) -> list[FoundAlert]:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return list(self.found)

    async def up_since(self, target: Target, timeout_s: float) -> datetime | None:
        return self.started_at


def call(method: str, url: str, body: Any = None) -> Any:
    """JSON to and from a server of the lab."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as reply:
        text = reply.read()
    return json.loads(text) if text.strip() else None


def raise_alert(manager: Alertmanager, name: str, *, starts: str, ends: str | None = None, **labels: str) -> None:
    alert = {"labels": {"alertname": name, **labels}, "startsAt": starts, "annotations": {"summary": f"{name} here"}}
    call("POST", f"{manager.url}/api/v2/alerts", [{**alert, **({"endsAt": ends} if ends else {})}])


def wait(condition: Callable[[], Any], what: str, timeout_s: float = 20.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen in {timeout_s:g} s")


class Receiver(Served):
    """Takes what an Alertmanager posts."""

    def __init__(self) -> None:
        self.notices: list[bytes] = []

    def application(self) -> web.Application:
        async def take(request: web.Request) -> web.Response:
            self.notices.append(await request.read())
            return web.Response()

        application = web.Application()
        application.router.add_post("/", take)
        return application


class Saying(Served):
    """Answers everything in the same way."""

    def __init__(self, status: int, body: bytes) -> None:
        self._answer = (status, body)

    def application(self) -> web.Application:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=self._answer[0], body=self._answer[1])

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        return application


class InTurn(Served):
    """One address for several servers, each request to the next of them, as a Service in Kubernetes has."""

    def __init__(self, *urls: str) -> None:
        self._turn = itertools.cycle(urls)

    def application(self) -> web.Application:
        async def forward(request: web.Request) -> web.Response:
            async with (
                aiohttp.ClientSession() as session,
                session.request(
                    request.method,
                    f"{next(self._turn)}{request.path_qs}",
                    data=await request.read(),
                    headers={"Content-Type": request.headers.get("Content-Type", "application/json")},
                ) as reply,
            ):
                body = await reply.read()
                return web.Response(body=body, status=reply.status, content_type="application/json")

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward)
        return application


@contextmanager
def ha_pair() -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Two Alertmanagers that gossip."""
    ports = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    first, second = (Alertmanager(QUIET, gossip=port, peers=ports) for port in ports)
    with first, second:
        wait(lambda: len(call("GET", f"{first.url}/api/v2/status")["cluster"].get("peers", [])) == 2, "their meeting")
        yield first, second
