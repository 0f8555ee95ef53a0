"""A registry on a real database, a prober that goes over real sockets, and servers for it to find."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import msgspec
from aiohttp import web
from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.outbound import Outbound
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.registry.endpoints import UrlRules
from aiops.registry.fakes import FakeDiscovery, FakeIssuer
from aiops.registry.ports import Cluster
from aiops.registry.probes.endpoints import EndpointProber
from aiops.registry.service import Fleet, Membership, NewCluster, ProbeJob, Probing
from aiops.registry.service.applying import Applying
from aiops.registry.service.connection_tests import ConnectionTests
from aiops.registry.service.exploring import Exploring, UpkeepJob
from aiops.registry.service.records import Records
from aiops.registry.service.sign_ins import SignIns
from aiops.registry.store import SqlClusterStore
from aiops.registry.vault import Vault
from tests.lab.served import end

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ADMIN = Principal.system("test")
KEY = bytes(range(32))


def person(role: Role, *clusters: UUID, whole: bool = False) -> Principal:
    return Principal(PrincipalKind.USER, "u1", "someone", role, None if whole else frozenset(clusters))


@dataclass
class Rig:
    database: Database
    clock: VirtualClock
    fleet: Fleet
    membership: Membership
    probing: Probing
    job: ProbeJob
    discovery: FakeDiscovery
    issuer: FakeIssuer
    tests: ConnectionTests
    sign_ins: SignIns
    exploring: Exploring
    upkeep: UpkeepJob
    applying: Applying

    async def add(self, name: str, url: str | None = "http://127.0.0.1:1", **more: object) -> Cluster:
        new = msgspec.convert({"name": name, "prometheus_url": url, **more}, NewCluster)
        return await self.membership.add(ADMIN, new)

    async def events(self) -> list[tuple[str, str]]:
        """Stated facts, oldest first: type, and the state where there is one."""
        async with self.database.begin() as tx:
            rows = await tx.connection.execute(
                text("SELECT event_type, coalesce(payload->>'state', '') FROM kernel.outbox ORDER BY event_id")
            )
            return [(row[0], row[1]) for row in rows]


@asynccontextmanager
async def rig_on(
    database: Database,
    clock: VirtualClock,
    *,
    allow_loopback: bool = True,
    offered_url: str | None = None,
    watch_host: bool = False,
) -> AsyncIterator[Rig]:
    database.outbox = SqlOutbox(InMemoryBus(), [])
    store, vault, rules = SqlClusterStore(), Vault.of([KEY]), UrlRules(allow_loopback)
    records = Records(vault, rules)
    outbound = Outbound(allow_loopback=allow_loopback, connect_timeout_s=1)
    membership = Membership(database, clock, store, records)
    prober, discovery, issuer = EndpointProber(outbound, clock), FakeDiscovery(clock.now()), FakeIssuer()
    probing = Probing(database, clock, store, vault, prober, offered_url=offered_url)
    job = ProbeJob(database, clock, store, probing, membership, watch_host=watch_host)
    sign_ins = SignIns(database, clock, store, vault, prober=prober, discovery=discovery, issuer=issuer, rules=rules)
    exploring = Exploring(database, clock, store, vault, discovery=discovery, prober=prober, rules=rules)
    try:
        yield Rig(
            database,
            clock,
            Fleet(database, clock, store, vault),
            membership,
            probing,
            job,
            discovery,
            issuer,
            ConnectionTests(clock, prober, discovery, issuer, rules),
            sign_ins,
            exploring,
            UpkeepJob(database, clock, store, sign_ins, exploring),
            Applying(database, clock, store, vault, records=records, rules=rules),
        )
    finally:
        await outbound.close()


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server whose every answer is `handler`'s."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        await end(runner)


@dataclass
class FakePrometheus:
    """What a Prometheus says, as far as probes ask; `up`, `authorization` and `seen` are for the test to use."""

    up: bool = True
    authorization: str | None = None
    has_build_info: bool = True

    def __post_init__(self) -> None:
        self.seen: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.path)
        if self.authorization and request.headers.get("Authorization") != self.authorization:
            return web.Response(status=401, text="Unauthorized")
        if not self.up:
            return web.Response(status=503, text="Service Unavailable")
        if request.path == "/api/v1/query":
            return web.json_response({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}})
        if request.path == "/api/v1/status/buildinfo" and self.has_build_info:
            return web.json_response({"status": "success", "data": {"version": "2.42.0"}})
        return web.Response(status=404, text="404 page not found")
