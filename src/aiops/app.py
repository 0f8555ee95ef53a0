"""The composition root: the only file that knows every context."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from urllib.parse import urlsplit

from dishka import AsyncContainer, Provider, Scope, make_async_container
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from aiops.gateway import module as gateway
from aiops.gateway.http import openapi
from aiops.gateway.http.acts import act_middleware
from aiops.gateway.http.bodies import ReadableRequest, takes_json
from aiops.gateway.http.errors import EXCEPTION_HANDLERS
from aiops.gateway.http.metrics import SelfMetrics, metrics_route
from aiops.gateway.http.middleware import WhoAsks, provide_principal, trace_middleware
from aiops.gateway.ports import Identity
from aiops.intelligence import module as intelligence
from aiops.kernel.audit import AuditTrail, forget_audit
from aiops.kernel.bus import Bus, InMemoryBus
from aiops.kernel.clock import Clock, SystemClock
from aiops.kernel.database import Database
from aiops.kernel.events import EventCatalogue
from aiops.kernel.http import PUBLIC_HOST
from aiops.kernel.module import Context
from aiops.kernel.outbox import DeadLetters, Dispatcher, Handler, SqlOutbox, forget_events
from aiops.kernel.retention import Keep, Keeps, Retention
from aiops.kernel.supervisor import Supervisor
from aiops.observability import module as observability
from aiops.registry import module as registry
from aiops.settings import Settings
from aiops.streaming import module as streaming
from aiops.streaming.needs import Authenticator

LARGEST_BODY = 10 * 1024 * 1024


def contexts() -> list[Context]:
    return [
        registry.context(),
        observability.context(),
        intelligence.context(),
        streaming.context(),
        gateway.context(),
    ]


def create_app(
    settings: Settings,
    database_url: str,
    *,
    clock: Clock | None = None,
    database_problem: Callable[[], str | None] = lambda: None,
) -> Litestar:
    """The whole hub as one ASGI application. Nothing is opened before its lifespan starts.

    `database_problem` tells why the database is gone, where somebody knows.
    """
    parts = contexts()
    supervisor = Supervisor(clock or SystemClock())
    database = Database(database_url, problem=database_problem)
    database.audit = AuditTrail()
    container = make_async_container(
        _kernel(settings, database, clock or SystemClock(), supervisor, parts), *(part.provider for part in parts)
    )
    own = SelfMetrics(supervisor)

    async def identity() -> Identity:
        found: Identity = await container.get(Identity)
        return found

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await _start(container, parts, supervisor)
        try:
            yield
        finally:
            await supervisor.stop()
            await (await container.get(Database)).close()
            await container.close()

    app = Litestar(
        route_handlers=[*(route for part in parts for route in part.routes), metrics_route(own)],
        dependencies={"principal": Provide(provide_principal, sync_to_thread=False)},
        guards=[WhoAsks(identity), takes_json],
        request_class=ReadableRequest,
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        openapi_config=openapi.config(version("aiops-nextgen")),
        request_max_body_size=LARGEST_BODY,
        state=State({PUBLIC_HOST: urlsplit(settings.public_url).netloc if settings.public_url else None}),
        logging_config=None,
        debug=False,
    )
    # Around the router too: what has no route is traced and counted like everything else.
    acts = act_middleware(app.asgi_handler, database, AuditTrail())
    app.asgi_handler = trace_middleware(acts, own.http)
    openapi.document_errors(app)
    setup_dishka(container, app)
    return app


def _kernel(
    settings: Settings, database: Database, clock: Clock, supervisor: Supervisor, parts: list[Context]
) -> Provider:
    provider = Provider(scope=Scope.APP)
    catalogue = EventCatalogue()
    for part in parts:
        catalogue.add(*part.events)
    provider.provide(lambda: settings, provides=Settings)
    provider.provide(lambda: clock, provides=Clock)
    provider.provide(lambda: supervisor, provides=Supervisor)
    provider.provide(lambda: catalogue, provides=EventCatalogue)
    provider.provide(InMemoryBus, provides=Bus)
    provider.provide(lambda: database, provides=Database)
    provider.provide(DeadLetters)
    provider.provide(AuditTrail)
    provider.provide(Keeps)
    provider.provide(_authenticator, provides=Authenticator)
    return provider


def _authenticator(identity: Identity) -> Authenticator:
    async def authenticate(token: str) -> streaming.SignedInReader:
        signed_in = await identity.identify(token)
        waits_for_password = signed_in.user is not None and signed_in.user.must_change_password
        return streaming.SignedInReader(signed_in.principal, may_read=not waits_for_password)

    return authenticate


async def _start(container: AsyncContainer, parts: list[Context], supervisor: Supervisor) -> None:
    database, bus = await container.get(Database), await container.get(Bus)
    clock, catalogue = await container.get(Clock), await container.get(EventCatalogue)
    settings = await container.get(Settings)
    specs = [spec for part in parts for spec in part.handlers]
    handlers = [
        Handler(
            spec.name,
            spec.event_types,
            await spec.build(container),
            await spec.build_together(container) if spec.build_together else None,
        )
        for spec in specs
    ]
    database.outbox = SqlOutbox(bus, handlers)
    supervisor.start("events", Dispatcher(database, bus, clock, catalogue, handlers))
    keeps = await container.get(Keeps)
    keeps.all = [Keep("events", settings.events_retention_days, forget_events)]
    keeps.all.append(Keep("audit", settings.audit_retention_days, forget_audit))
    keeps.all += [await keep(container) for part in parts for keep in part.keeps]
    supervisor.start("retention", Retention(database, clock, keeps.all))
    for part in parts:
        for job in part.jobs:
            supervisor.start(job.name, await job.build(container))
