"""Silences across clusters: each lives in the Alertmanager of its cluster, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import ClusterOutcome, QueryStatus
from aiops.observability.service.fanout import Part, gather, way_to
from aiops.observability.service.silences_remote import (
    FoundSilence,
    RemoteSilences,
    SilenceMatcher,
    SilenceState,
    WantedSilence,
)
from aiops.registry.ports import Cluster, Clusters, EndpointKind, Member, Target

_TIMEOUT_S = 10.0
_MOST_MATCHERS = 64
_LONGEST = timedelta(days=366)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MILLISECOND = timedelta(milliseconds=1)

Changed = Callable[[Sequence[UUID]], Awaitable[None]]

log = structlog.get_logger(__name__)


class Silence(msgspec.Struct, frozen=True):
    """`shared`: it also holds for other clusters, for it does not name the labels that carve this one out of the
    Alertmanager that they share."""

    cluster_id: UUID
    cluster: str
    id: str
    state: SilenceState
    matchers: tuple[SilenceMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str
    comment: str
    shared: bool = False


class SilencesFound(msgspec.Struct, frozen=True):
    """`without` are the clusters in scope that have no Alertmanager."""

    items: list[Silence]
    clusters: list[ClusterOutcome]
    without: list[str] = []


class CreatedSilence(msgspec.Struct, frozen=True):
    """`existed`: an equal one of the same author was there already, so none was added."""

    cluster_id: UUID
    cluster: str
    id: str
    existed: bool


class SilencesCreated(msgspec.Struct, frozen=True):
    items: list[CreatedSilence]
    clusters: list[ClusterOutcome]


class Silences:
    """`changed` hears in which clusters something was silenced, or is heard again."""

    def __init__(self, clock: Clock, clusters: Clusters, remote: RemoteSilences, changed: Changed) -> None:
        self._clock = clock
        self._clusters = clusters
        self._remote = remote
        self._changed = changed

    async def listed(
        self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None, expired: bool = False
    ) -> SilencesFound:
        """The latest to end first. Who is limited to some clusters sees of a shared Alertmanager only what concerns
        these clusters alone. Raises `NotFound` for a cluster that is out of scope."""
        principal.require(Role.VIEWER)
        members = await self._members(principal, cluster_ids)
        asked = {key: one for key, one in members.items() if one.target is not None or one.problem is not None}

        async def ask(cluster: Cluster) -> Part[list[Silence]]:
            target = _target(asked[cluster.id])
            found = await self._remote.silences(target, _TIMEOUT_S)
            return Part([_told(target, one) for one in found if _visible(principal, target, one)])

        gathered = await gather([one.cluster for one in asked.values()], _TIMEOUT_S, ask)
        items = [one for _, part in gathered.parts for one in part if expired or one.state is not SilenceState.EXPIRED]
        items.sort(key=lambda one: (one.ends_at, one.cluster, one.id), reverse=True)
        without = [one.cluster.name for key, one in members.items() if key not in asked]
        return SilencesFound(items, gathered.outcomes, without)

    async def create(
        self,
        principal: Principal,
        *,
        matchers: Sequence[SilenceMatcher],
        starts_at: datetime | None,
        ends_at: datetime,
        comment: str,
        cluster_ids: Sequence[UUID],
    ) -> SilencesCreated:
        """Create it in each of these clusters; some may succeed. Asked again in the same words, only what is missing is
        created. Raises `NotFound` for a cluster that is out of scope, before anything is created."""
        principal.require(Role.OPERATOR)
        _check(matchers, starts_at, ends_at, comment, self._clock.now())
        if not cluster_ids:
            raise Invalid("Name at least one cluster.")
        members = await self._members(principal, list(dict.fromkeys(cluster_ids)))
        wanted = WantedSilence(
            tuple(sorted(set(matchers))), starts_at or self._clock.now(), ends_at, principal.name, comment
        )

        async def ask(cluster: Cluster) -> Part[CreatedSilence]:
            target = _target(members[cluster.id])
            own = msgspec.structs.replace(wanted, matchers=_carved(target, wanted.matchers))
            return Part(await self._created(target, own, starts_at is not None))

        gathered = await gather([one.cluster for one in members.values()], 2 * _TIMEOUT_S, ask)
        for cluster, made in gathered.parts:
            log.info(
                "silence_created",
                cluster=cluster.name,
                silence_id=made.id,
                existed=made.existed,
                by=principal.name,
                by_id=principal.id,
                until=ends_at.isoformat(),
                matchers=[msgspec.to_builtins(one) for one in wanted.matchers],
            )
        for failed in (one for one in gathered.outcomes if one.status is not QueryStatus.SUCCESS):
            log.warning("silence_not_created", cluster=failed.cluster, by=principal.name, error=failed.error)
        await self._changed([cluster.id for cluster, _ in gathered.parts])
        return SilencesCreated([made for _, made in gathered.parts], gathered.outcomes)

    async def expire(self, principal: Principal, cluster_id: UUID, silence_id: str) -> None:
        """End it now; one that has ended stays so. Raises `NotFound` also for what is not this cluster's."""
        principal.require(Role.OPERATOR)
        members = await self._members(principal, [cluster_id])
        target = _target(members[cluster_id])
        found = await self._remote.silence(target, silence_id, _TIMEOUT_S)
        if not _visible(principal, target, found):
            raise NotFound("There is no such silence in this cluster.")
        if found.state is SilenceState.EXPIRED:
            return
        await self._remote.expire(target, silence_id, _TIMEOUT_S)
        log.info(
            "silence_expired",
            cluster=target.cluster_name,
            silence_id=silence_id,
            by=principal.name,
            by_id=principal.id,
            created_by=found.created_by,
        )
        await self._changed([cluster_id])

    async def _members(self, principal: Principal, cluster_ids: Sequence[UUID] | None) -> dict[UUID, Member]:
        found = await self._clusters.targets(principal, EndpointKind.ALERTMANAGER, cluster_ids)
        return {one.cluster.id: one for one in found}

    async def _created(self, target: Target, wanted: WantedSilence, exact_start: bool) -> CreatedSilence:
        for one in await self._remote.silences(target, _TIMEOUT_S):
            if one.state is not SilenceState.EXPIRED and _equal(one, wanted, exact_start):
                return CreatedSilence(target.cluster_id, target.cluster_name, one.id, True)
        made = await self._remote.create(target, wanted, _TIMEOUT_S)
        return CreatedSilence(target.cluster_id, target.cluster_name, made, False)


def _target(member: Member) -> Target:
    target = way_to(member)
    if target is None:
        raise Invalid("It has no Alertmanager.")
    return target


def _carved(target: Target, matchers: Sequence[SilenceMatcher]) -> tuple[SilenceMatcher, ...]:
    """Only for this cluster's alerts, where several share the Alertmanager."""
    share = {SilenceMatcher(name, value) for name, value in target.selector.items()}
    return tuple(sorted({*matchers, *share}))


def _own(target: Target, silence: FoundSilence) -> bool:
    """Whether it is about this cluster alone."""
    return all(SilenceMatcher(name, value) in silence.matchers for name, value in target.selector.items())


def _visible(principal: Principal, target: Target, silence: FoundSilence) -> bool:
    """A wider one may name other clusters, so it is for those who see them all; one that names another is of it."""
    if _own(target, silence):
        return True
    return principal.clusters is None and not any(
        one.is_equal and not one.is_regex and target.selector.get(one.name, one.value) != one.value
        for one in silence.matchers
    )


def _equal(found: FoundSilence, wanted: WantedSilence, exact_start: bool) -> bool:
    # Alertmanager keeps milliseconds, and moves a start that has passed to its own present.
    same_start = not exact_start or found.starts_at - wanted.starts_at > -_MILLISECOND
    return (
        set(found.matchers) == set(wanted.matchers)
        and abs(found.ends_at - wanted.ends_at) < _MILLISECOND
        and same_start
        and (found.created_by, found.comment) == (wanted.created_by, wanted.comment)
    )


def _told(target: Target, found: FoundSilence) -> Silence:
    values = {name: getattr(found, name) for name in found.__struct_fields__}
    return Silence(cluster_id=target.cluster_id, cluster=target.cluster_name, shared=not _own(target, found), **values)


def _check(
    matchers: Sequence[SilenceMatcher], starts_at: datetime | None, ends_at: datetime, comment: str, now: datetime
) -> None:
    if not 0 < len(matchers) <= _MOST_MATCHERS:
        raise Invalid(f"A silence has between 1 and {_MOST_MATCHERS} matchers.")
    for one in matchers:
        if not _LABEL.fullmatch(one.name):
            raise Invalid(f"{one.name[:64]!r} is no name of a label.")
        if "\x00" in one.value or len(one.value) > 2048:
            raise Invalid("A matcher's value has at most 2048 characters, none of them a zero byte.")
    if not any(_says_something(one) for one in matchers):
        raise Invalid("At least one matcher must not match an empty value, or everything would be silent.")
    if not comment.strip():
        raise Invalid("Say in the comment why this is to be silent.")
    if ends_at <= now or (starts_at is not None and ends_at <= starts_at):
        raise Invalid("The end must lie in the future, and behind the start.")
    if ends_at - max(now, starts_at or now) > _LONGEST:
        raise Invalid(f"A silence lasts at most {_LONGEST.days} days.")


def _says_something(matcher: SilenceMatcher) -> bool:
    """Whether it does not match an absent label. A pattern that only Alertmanager can read is left to it to judge."""
    try:
        matches = bool(re.fullmatch(matcher.value, "")) if matcher.is_regex else matcher.value == ""
    except re.error:
        return True
    return matches is not matcher.is_equal
