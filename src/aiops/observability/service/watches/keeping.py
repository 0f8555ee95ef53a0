"""Watches as people see and set them: shipped ones and their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.events import WatchChanged
from aiops.observability.needs import KeptWatch, WatchStore, WatchTerms
from aiops.observability.ports import FALSE_ALARMS_A_WEEK, Sensitivity, Threshold, Watch
from aiops.observability.promql import check_vector
from aiops.observability.service.watches.book import WatchBook, as_watch
from aiops.observability.service.watches.service import WatchService
from aiops.registry.ports import Clusters

MOST = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{1,62}")
_TERMS = tuple(WatchTerms.__struct_fields__)
_ANEW = ("query", "unit", "worse", "clusters", "learned", "enabled")
"""A change of any of these takes what was found and learned before with it."""

Worse = Literal["up", "down", "both"]
Silence = Annotated[float, msgspec.Meta(ge=30, le=604_800)]
Unset = msgspec.UnsetType


class WatchWish(WatchTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`clusters`: where it is evaluated, `None` everywhere, which takes the scope of the whole fleet. `minimum`: the
    smallest deviation in `unit` that matters."""

    name: str
    query: str
    title: str = ""
    unit: str = ""
    worse: Worse = "both"
    minimum: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    clusters: list[UUID] | None = None


class WatchChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. On a shipped watch, only whether and how readily it tells can be set. `revision`: the one
    that was changed; 0 for a shipped watch on which nothing was set yet."""

    revision: int
    enabled: bool | Unset = msgspec.UNSET
    learned: bool | Unset = msgspec.UNSET
    sensitivity: Sensitivity | Unset = msgspec.UNSET
    threshold: Threshold | Unset | None = msgspec.UNSET
    silence_s: Silence | Unset | None = msgspec.UNSET
    query: str | Unset = msgspec.UNSET
    title: str | Unset = msgspec.UNSET
    unit: str | Unset = msgspec.UNSET
    worse: Worse | Unset = msgspec.UNSET
    minimum: Annotated[float, msgspec.Meta(ge=0)] | Unset = msgspec.UNSET
    clusters: list[UUID] | Unset | None = msgspec.UNSET


class FailingOn(msgspec.Struct, frozen=True):
    cluster_id: UUID
    cluster: str
    error: str


class WatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A watch with what was set on it; `owner` is who made it or set it last, `failing` where it can't be evaluated."""

    name: str
    title: str
    query: str
    unit: str
    worse: str
    minimum: float
    subject_labels: tuple[str, ...]
    symptom: bool
    shipped: bool
    enabled: bool
    learned: bool
    sensitivity: Sensitivity
    false_alarms_a_week: float
    threshold: Threshold | None
    silence_s: float | None
    clusters: list[UUID] | None
    owner: str | None
    revision: int
    updated_at: datetime | None
    failing: list[FailingOn]


class Watches:
    """Anyone sees those that concern a cluster of theirs; setting takes an operator who sees all that it concerns."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: WatchStore,
        book: WatchBook,
        service: WatchService,
        clusters: Clusters,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._book = book
        self._service = service
        self._clusters = clusters

    async def all(self, principal: Principal) -> list[WatchView]:
        """Shipped ones first, then people's own by name."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            kept = {one.name: one for one in await self._store.all(tx)}
        names = {one.id: one.name for one in await self._clusters.visible(principal)}
        shipped = [self._view(watch, kept.get(watch.name), names) for watch in self._service.watches()]
        mine = [one for one in kept.values() if one.query is not None and one.seen_by(principal)]
        return shipped + [self._view(as_watch(one), one, names) for one in mine]

    async def get(self, principal: Principal, name: str) -> WatchView:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            kept = await self._store.get(tx, name)
        watch = self._shipped(name)
        if watch is None:
            if kept is None or kept.query is None or not kept.seen_by(principal):
                raise _none()
            watch = as_watch(kept)
        return self._view(watch, kept, {one.id: one.name for one in await self._clusters.visible(principal)})

    async def add(self, principal: Principal, wish: WatchWish) -> WatchView:
        principal.require(Role.OPERATOR)
        if not _NAME.fullmatch(wish.name):
            raise Invalid(
                "A watch's name has 2 to 63 of a-z, 0-9 and _, and begins with a letter.", details={"field": "name"}
            )
        now = self._clock.now()
        made = KeptWatch(
            **{name: getattr(wish, name) for name in wish.__struct_fields__},
            owner_id=principal.id,
            owner=principal.name,
            revision=1,
            created_at=now,
            updated_at=now,
        )
        made = msgspec.structs.replace(made, title=wish.title.strip() or wish.name, query=wish.query.strip())
        _check(made)
        await self._may_concern(principal, made.clusters)
        async with self._transactions.begin() as tx:
            kept = await self._store.all(tx)
            if len([one for one in kept if one.query is not None]) >= MOST:
                raise Conflict(f"There are {MOST} watches: delete one first.")
            if self._shipped(made.name) is not None or not await self._store.add(tx, made):
                raise Conflict(f"There is a watch named {made.name} already.", details={"field": "name"})
            self._tell(tx, principal, made, "CREATED", begins_anew=False)
            await tx.commit()
        self._book.turn()
        return await self.get(principal, made.name)

    async def change(self, principal: Principal, name: str, change: WatchChange) -> WatchView:
        principal.require(Role.OPERATOR)
        given = {
            field: value
            for field in change.__struct_fields__
            if field != "revision" and (value := getattr(change, field)) is not msgspec.UNSET
        }
        async with self._transactions.begin() as tx:
            kept = await self._changeable(tx, principal, name)
            if change.revision != kept.revision:
                raise Conflict("The watch was changed meanwhile: open it anew.", details={"revision": kept.revision})
            if kept.query is None and (others := sorted(set(given) - set(_TERMS))):
                raise Invalid(f"Of a shipped watch, {others[0]} can't be changed.", details={"field": others[0]})
            now = self._clock.now()
            times = {"revision": kept.revision + 1, "updated_at": now}
            changed: KeptWatch = msgspec.structs.replace(kept, **given, **times)
            _check(changed)
            if changed.clusters != kept.clusters:
                await self._may_concern(principal, changed.clusters)
            anew = any(getattr(changed, field) != getattr(kept, field) for field in _ANEW)
            if kept.revision == 0:
                changed = msgspec.structs.replace(changed, owner_id=principal.id, owner=principal.name)
                await self._store.add(tx, changed)
            else:
                await self._store.change(tx, changed)
            self._tell(tx, principal, changed, "CHANGED", begins_anew=anew, before=kept)
            await tx.commit()
        self._book.turn()
        return await self.get(principal, name)

    async def delete(self, principal: Principal, name: str) -> None:
        principal.require(Role.OPERATOR)
        if self._shipped(name) is not None:
            raise Invalid("A shipped watch can't be deleted; switch it off instead.")
        async with self._transactions.begin() as tx:
            kept = await self._changeable(tx, principal, name)
            await self._store.delete(tx, name)
            self._tell(tx, principal, kept, "DELETED", begins_anew=True)
            await tx.commit()
        self._book.turn()

    async def _changeable(self, tx: Transaction, principal: Principal, name: str) -> KeptWatch:
        """Held until the transaction's end; a shipped one on which nothing was set, with what it ships with."""
        kept = await self._store.get(tx, name, lock=True)
        shipped = self._shipped(name)
        if shipped is not None:
            principal.require_whole_fleet()
            return kept or _as_shipped(shipped, self._clock.now())
        if kept is None or kept.query is None or not kept.seen_by(principal):
            raise _none()
        if kept.clusters is None:
            principal.require_whole_fleet()
        elif not all(principal.sees(cluster_id) for cluster_id in kept.clusters):
            raise PermissionDenied("This watch also concerns clusters that you don't see.")
        return kept

    async def _may_concern(self, principal: Principal, clusters: Sequence[UUID] | None) -> None:
        if clusters is None:
            principal.require_whole_fleet()
            return
        if not clusters:
            raise Invalid("A watch needs a cluster, or none given for all of them.", details={"field": "clusters"})
        for cluster_id in clusters:
            await self._clusters.get(principal, cluster_id)

    def _shipped(self, name: str) -> Watch | None:
        return next((watch for watch in self._service.watches() if watch.name == name), None)

    def _tell(
        self,
        tx: Transaction,
        principal: Principal,
        kept: KeptWatch,
        what: str,
        *,
        begins_anew: bool,
        before: KeptWatch | None = None,
    ) -> None:
        concerned = {*(kept.clusters or ()), *((before.clusters if before else None) or ())}
        tx.publish(
            WatchChanged(
                event_id=new_id(),
                occurred_at=self._clock.now(),
                cluster_ids=tuple(sorted(concerned)),
                watch=kept.name,
                change=what,
                by=principal.name,
                begins_anew=begins_anew,
            )
        )

    def _view(self, watch: Watch, kept: KeptWatch | None, names: dict[UUID, str]) -> WatchView:
        own = kept is not None and kept.query is not None
        terms = kept or _as_shipped(watch, self._clock.now())
        failing = [
            FailingOn(cluster_id, names[cluster_id], error)
            for cluster_id, error in self._service.failures(watch.name).items()
            if cluster_id in names
        ]
        of_watch = ("name", "title", "query", "unit", "worse", "minimum", "subject_labels", "symptom")
        shown = None if terms.clusters is None else [one for one in terms.clusters if one in names]
        return WatchView(
            **{field: getattr(watch, field) for field in of_watch},
            **{field: getattr(terms, field) for field in _TERMS},
            shipped=not own,
            false_alarms_a_week=FALSE_ALARMS_A_WEEK[terms.sensitivity],
            clusters=shown,
            owner=kept.owner if kept else None,
            revision=terms.revision,
            updated_at=kept.updated_at if kept else None,
            failing=failing,
        )


def _as_shipped(watch: Watch, now: datetime) -> KeptWatch:
    return KeptWatch(
        name=watch.name,
        worse=watch.worse,
        learned=watch.learned,
        sensitivity=watch.sensitivity,
        threshold=watch.threshold,
        silence_s=watch.silence_s,
        owner_id="",
        owner="",
        revision=0,
        created_at=now,
        updated_at=now,
    )


def _none() -> NotFound:
    return NotFound("There is no such watch.")


def _check(watch: KeptWatch) -> None:
    for field, most in (("title", 100), ("unit", 16), ("query", 10_000)):
        text = getattr(watch, field) or ""
        if len(text) > most:
            raise Invalid(f"The {field} has more than {most} characters.", details={"field": field})
        if "\x00" in text:
            raise Invalid(f"The {field} holds a character that can't be kept.", details={"field": field})
    if watch.query is not None:
        check_vector(watch.query)
    limit = watch.threshold
    if limit is not None and limit.above is None and limit.below is None:
        raise Invalid("A threshold needs above or below.", details={"field": "threshold"})
    if limit is not None and None not in (limit.above, limit.below) and limit.above <= limit.below:  # type: ignore[operator]
        raise Invalid("A threshold's above must lie above its below.", details={"field": "threshold"})
    if not watch.learned and limit is None and watch.silence_s is None:
        raise Invalid("This watch would find nothing: learn a band, or set a threshold or a silence.")
