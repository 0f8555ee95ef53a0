"""Is the process alive, may traffic come, and how is each part."""

from __future__ import annotations

import time

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get

from aiops.kernel.database import Database
from aiops.kernel.errors import Unavailable
from aiops.kernel.http import Caller
from aiops.kernel.supervisor import JobStatus, Supervisor


class Health(msgspec.Struct, frozen=True):
    status: str


class DependencyHealth(msgspec.Struct, frozen=True):
    ok: bool
    latency_ms: float | None
    error: str | None = None


class DetailedHealth(msgspec.Struct, frozen=True):
    """`status` is `ok`, or `degraded` where a dependency or a job is down."""

    status: str
    dependencies: dict[str, DependencyHealth]
    jobs: dict[str, JobStatus]


class HealthController(Controller):
    tags = ("gateway",)

    @get("/health", opt={"public": True}, summary="Is the process alive")
    async def health(self) -> Health:
        return Health("ok")

    @get("/ready", opt={"public": True}, summary="May traffic come")
    @inject
    async def ready(self, database: FromDishka[Database]) -> Health:
        """200, or 503 while the database does not answer."""
        found = await _ask(database)
        if not found.ok:
            raise Unavailable(found.error or "The database does not answer.")
        return Health("ready")

    @get("/health/detailed", summary="How is each part")
    @inject
    async def detailed(
        self, principal: Caller, database: FromDishka[Database], supervisor: FromDishka[Supervisor]
    ) -> DetailedHealth:
        principal.require_whole_fleet()
        dependency = await _ask(database)
        well = dependency.ok and all(job.running for job in supervisor.jobs.values())
        return DetailedHealth("ok" if well else "degraded", {"postgresql": dependency}, supervisor.jobs)


async def _ask(database: Database) -> DependencyHealth:
    started = time.perf_counter()
    try:
        await database.ping()
    except Exception as error:
        return DependencyHealth(False, None, str(error).splitlines()[0])
    return DependencyHealth(True, round((time.perf_counter() - started) * 1000, 2))
