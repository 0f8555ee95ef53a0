"""Clusters with an Alertmanager or a Prometheus each, and what raises alerts there: what the tests of alerts share."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

import aiohttp
from aiohttp import web

from aiops.kernel.errors import AiopsError, NotFound
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.registry.ports import (
    Cluster,
    ClusterStatus,
    ClusterType,
    Connectivity,
    EndpointKind,
    Environment,
    Member,
    Platform,
    State,
    Target,
)
from tests.lab.served import Served
from tests.lab.servers import Alertmanager, free_port

SYSTEM = Principal.system("test")
QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ways:
    """To one cluster's endpoints."""

    alertmanager: str | None = None
    prometheus: str | None = None
    selector: dict[str, str] = field(default_factory=dict)
    peer: str | None = None


class Fleet:
    """Implements `Clusters`."""

    def __init__(self, ways: Mapping[str, Ways]) -> None:
        self.ids = {name: uuid4() for name in ways}
        self._ways = {self.ids[name]: way for name, way in ways.items()}
        self._clusters = {self.ids[name]: _cluster(self.ids[name], name, way) for name, way in ways.items()}

    def cluster(self, name: str) -> Cluster:
        return self._clusters[self.ids[name]]

    async def visible(self, principal: Principal) -> list[Cluster]:
        return [one for one in self._clusters.values() if principal.sees(one.id)]

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        if cluster_id not in self._clusters or not principal.sees(cluster_id):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        return self._clusters[cluster_id]

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        if name not in self.ids:
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        return await self.get(principal, self.ids[name])

    async def local(self, principal: Principal) -> Cluster | None:
        return None

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        cluster = await self.get(principal, cluster_id)
        url = cluster.url(kind)
        way = self._ways[cluster_id]
        if url is None:
            return None
        paired = kind is EndpointKind.ALERTMANAGER and way.peer is not None
        peer = await self.target(principal, EndpointKind.ALERTMANAGER_PEER, cluster_id) if paired else None
        return Target(cluster_id, cluster.name, kind, url, selector=way.selector, peer=peer)

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        wanted = [one.id for one in await self.visible(principal)] if cluster_ids is None else cluster_ids
        return [Member(await self.get(principal, one), await self.target(principal, kind, one)) for one in wanted]

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        return None

    def user(self, role: Role, *names: str) -> Principal:
        """Someone who sees these clusters alone; of none, all."""
        scope = frozenset(self.ids[name] for name in names) if names else None
        return Principal(PrincipalKind.USER, "u-1", "ann", role, scope)


def _cluster(id_: UUID, name: str, way: Ways) -> Cluster:
    return Cluster(
        id=id_,
        name=name,
        display_name=name,
        cluster_type=ClusterType.SPOKE,
        platform=Platform.STANDALONE,
        environment=Environment.LAB,
        region=None,
        labels={},
        prometheus_url=way.prometheus,
        status=ClusterStatus(State.UNKNOWN, Connectivity.DISCONNECTED, None, {}, None),
        created_at=_NOW,
        updated_at=_NOW,
        last_seen_at=None,
        alertmanager_url=way.alertmanager,
        alertmanager_peer_url=way.peer,
        selector=way.selector,
    )


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
