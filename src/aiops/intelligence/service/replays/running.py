"""Replays that people ask the hub for: kept as rows, run one at a time, taken up again where a hub died in one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
import structlog

from aiops.intelligence.domain.correlation_rules import RuleDraft
from aiops.intelligence.domain.replays import Progress, ReplayResult, ReplayRun, ReplayStatus, Trial
from aiops.intelligence.needs import Detector
from aiops.intelligence.needs_incidents import TopologySource
from aiops.intelligence.needs_replays import ReplayStore
from aiops.intelligence.service.replays.collecting import Named
from aiops.intelligence.service.replays.replaying import LONGEST, STEP_S, Known, replay_past
from aiops.intelligence.service.replays.report import headline
from aiops.intelligence.service.rules import Rules
from aiops.intelligence.service.structure import StructureReader
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, Conflict, Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports_past import Past
from aiops.registry.ports import Clusters

_LOOK_EVERY_S = 2.0
_TELL_EVERY_S = 1.0
_LOST = timedelta(seconds=10)
_MOST_WAITING = 3
_MOST_ATTEMPTS = 3
_FIRST_YEAR = 2000
_AHEAD = timedelta(minutes=5)

log = structlog.get_logger(__name__)


class ReplayWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All clusters in scope that have a Prometheus where none are named; the last 7 days where nothing else is said.

    `rule` and `without_rules` try a change of the rules of correlation: the answer tells before and after.
    """

    cluster_ids: Annotated[list[UUID], msgspec.Meta(max_length=200)] = []
    start: datetime | None = None
    end: datetime | None = None
    step_s: Annotated[float, msgspec.Meta(ge=15, le=600)] = STEP_S
    rule: RuleDraft | None = None
    without_rules: Annotated[list[UUID], msgspec.Meta(max_length=100)] = []


class Replays:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: ReplayStore,
        clusters: Clusters,
        past: Past,
        detector: Detector,
        topology: TopologySource,
        structure: StructureReader,
        rules: Rules,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._past = past
        self._detector = detector
        self._topology = topology
        self._structure = structure
        self._rules = rules
        self._asked = asyncio.Event()

    async def ask(self, principal: Principal, wish: ReplayWish) -> ReplayRun:
        """Raises `NotFound` for a cluster out of scope, `Conflict` where the asker waits for enough already."""
        principal.require(Role.OPERATOR)
        now = self._clock.now().replace(second=0, microsecond=0)
        end = wish.end or now
        if end.tzinfo is None or (wish.start is not None and wish.start.tzinfo is None):
            raise Invalid("start and end need a time zone.", details={"field": "start"})
        if end.year < _FIRST_YEAR or end > now + _AHEAD:
            raise Invalid("A replay is of the past.", details={"field": "end"})
        start = wish.start or end - timedelta(days=7)
        if not timedelta(hours=1) <= end - start <= LONGEST:
            raise Invalid(f"A replay spans an hour to {LONGEST.days} days.", details={"field": "start"})
        run = ReplayRun(
            id=new_id(),
            asked_by=principal.name,
            asked_at=self._clock.now(),
            clusters=await self._wanted(principal, wish.cluster_ids),
            start=start,
            end=end,
            step_s=wish.step_s,
            status=ReplayStatus.QUEUED,
            trial=Trial(wish.rule, wish.without_rules) if wish.rule or wish.without_rules else None,
        )
        if run.trial is not None:
            await self._rules.of_past(principal, run.trial.rule, run.trial.without)
        async with self._transactions.begin() as tx:
            if await self._store.waiting(tx, principal.name) >= _MOST_WAITING:
                raise Conflict(f"You wait for {_MOST_WAITING} replays already: let one end, or remove it.")
            await self._store.add(tx, run)
            await tx.commit()
        self._asked.set()
        return run

    async def page(self, principal: Principal, limit: int, after: UUID | None) -> tuple[list[ReplayRun], int]:
        principal.require(Role.VIEWER)
        async with self._transactions.look() as tx:
            return await self._store.page(tx, _scope(principal), limit, after)

    async def get(self, principal: Principal, run_id: UUID) -> tuple[ReplayRun, ReplayResult | None]:
        """Raises `NotFound`, also where one of its clusters is out of scope."""
        principal.require(Role.VIEWER)
        async with self._transactions.look() as tx:
            run = await self._store.get(tx, run_id, _scope(principal))
            if run is None:
                raise NotFound("There is no such replay.")
            return run, await self._store.result(tx, run_id) if run.status is ReplayStatus.DONE else None

    async def remove(self, principal: Principal, run_id: UUID) -> None:
        """One that runs is stopped."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            if await self._store.get(tx, run_id, _scope(principal)) is None:
                raise NotFound("There is no such replay.")
            await self._store.remove(tx, run_id)
            await tx.commit()

    async def run(self) -> None:
        while True:
            if not await self.step():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._asked.wait()
                self._asked.clear()

    async def step(self) -> bool:
        """Run one that waits; false where none does."""
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            taken = await self._store.take(tx, now, now - _LOST)
            await tx.commit()
        if taken is None:
            return False
        run, attempts = taken
        if attempts > _MOST_ATTEMPTS:
            await self._end(run, None, f"The hub ended {_MOST_ATTEMPTS} times while it ran: try a shorter time.")
            return True
        telling = _Telling()
        work = asyncio.create_task(self._work(run, telling))
        try:
            await self._watch(run, work, telling)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        return True

    async def _watch(self, run: ReplayRun, work: asyncio.Task[None], telling: _Telling) -> None:
        """Keep saying how far it is, until it is over or nobody wants it any more."""
        while not work.done():
            await asyncio.wait([work], timeout=_TELL_EVERY_S)
            async with self._transactions.begin() as tx:
                wanted = await self._store.alive(tx, run.id, self._clock.now(), telling.last)
                await tx.commit()
            if not wanted:
                return
        await work

    async def _work(self, run: ReplayRun, telling: _Telling) -> None:
        me = Principal.system("replays")
        try:
            names = {one.id: one.name for one in await self._clusters.visible(me)}
            named = [Named(one, names[one]) for one in run.clusters if one in names]
            rulings = await self._rules.of_past(me)
            trial = run.trial
            tried = None if trial is None else await self._rules.of_past(me, trial.rule, trial.without)
            known = Known(await self._topology.surroundings(), self._structure.around, rulings, tried)
            result = await replay_past(
                self._past,
                self._detector,
                me,
                named,
                start=run.start,
                end=run.end,
                step_s=run.step_s,
                known=known,
                tell=telling,
            )
        except AiopsError as error:
            await self._end(run, None, error.message)
        except Exception as error:
            log.exception("replay_failed", replay=str(run.id))
            await self._end(run, None, f"It failed: {type(error).__name__}. The hub's log says more.")
        else:
            await self._end(run, result, None)

    async def _end(self, run: ReplayRun, result: ReplayResult | None, error: str | None) -> None:
        async with self._transactions.begin() as tx:
            summary = "" if result is None else headline(result)
            await self._store.end(tx, run.id, self._clock.now(), result, summary, error)
            await tx.commit()

    async def _wanted(self, principal: Principal, cluster_ids: Sequence[UUID]) -> list[UUID]:
        if cluster_ids:
            return [(await self._clusters.get(principal, one)).id for one in dict.fromkeys(cluster_ids)]
        found = [one.id for one in await self._clusters.visible(principal) if one.prometheus_url is not None]
        if not found:
            raise Invalid("No cluster has a Prometheus whose past could be read.", details={"field": "cluster_ids"})
        return found


class _Telling:
    """The last that was told."""

    def __init__(self) -> None:
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self.last = progress


def _scope(principal: Principal) -> list[UUID] | None:
    return None if principal.clusters is None else list(principal.clusters)
