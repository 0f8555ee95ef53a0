"""Looking at the fleet within one's scope; what the other contexts ask the registry."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import AiopsError, Invalid, NotFound, Unavailable
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.kernel.tls import Tls
from aiops.registry import domain
from aiops.registry.events import ClusterStatusChanged
from aiops.registry.needs import (
    ClusterRecord,
    Filters,
    FleetCapabilities,
    FleetHealth,
    FleetSummary,
    HealthPoint,
    Scope,
    Store,
)
from aiops.registry.ports import Cluster, ClusterStatus, EndpointKind, Member, Platform, State, Target
from aiops.registry.vault import Sent, Vault

MOST_A_PAGE = 100
_WORST = 20
_MOST_KNOWN = 10_000
_WAYS_FRESH_S = 1.0
_MOST_WAYS = 1_000
_ID_LENGTH = 36
_HISTORY = timedelta(days=7)
_FIRST_YEAR = 1970
_SEEN_EVERY = timedelta(seconds=5)


class ClusterPage(msgspec.Struct, frozen=True):
    items: list[Cluster]
    next_cursor: str | None
    total: int


class HistoryPage(msgspec.Struct, frozen=True):
    items: list[HealthPoint]
    next_cursor: str | None
    total: int


@dataclass(frozen=True)
class _Known:
    """One version of a cluster, and the ways to its endpoints as far as someone has asked for them."""

    record: ClusterRecord
    members: dict[EndpointKind, Member]


@dataclass(frozen=True)
class _Ways:
    """To one kind of endpoint within one scope; good for a second, and while the hub itself changes nothing."""

    changes: int
    read_at: float
    members: list[Member]


class Fleet:
    """Implements `ports.Clusters`."""

    def __init__(self, transactions: Transactions, clock: Clock, store: Store, vault: Vault) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._seen: dict[UUID, datetime] = {}
        self._known: dict[str, _Known] = {}
        self._ways: dict[tuple[EndpointKind, Scope], _Ways] = {}

    async def visible(self, principal: Principal) -> list[Cluster]:
        return [known.record.cluster for known in await self._all(principal.clusters)]

    async def _all(self, scope: Scope) -> list[_Known]:
        """By name. Every query asks for all clusters, and few of them change between two: those alone are read anew."""
        async with self._transactions.look() as tx:
            versions, known = await self._store.versions(tx, scope), self._known
            stale = {version[:_ID_LENGTH]: version for version in versions if version not in known}
            records = await self._store.records(tx, frozenset(map(UUID, stale))) if stale else []
        if stale:
            # Removed between the two questions: then it is not among the records.
            known = {version: kept for version, kept in known.items() if version[:_ID_LENGTH] not in stale}
            if len(known) + len(records) > _MOST_KNOWN:
                known = {version: known[version] for version in versions if version in known}
            known |= {stale[str(one.cluster.id)]: _Known(one, {}) for one in records}
            self._known = known
        return [known[version] for version in versions if version in known]

    def _member(self, known: _Known, kind: EndpointKind) -> Member:
        member = known.members.get(kind)
        if member is None:
            member = known.members[kind] = member_of(self._vault, known.record, kind)
        return member

    async def _members(self, kind: EndpointKind, scope: Scope) -> list[Member]:
        """A panel, a watch and a federated query ask again and again for the same ways: one trip a second is enough.

        What this process changes is seen at once, what another replica does within that second.
        """
        changes, now = self._store.changes(), self._clock.monotonic()
        ways = self._ways.get((kind, scope))
        if ways is None or ways.changes != changes or now - ways.read_at >= _WAYS_FRESH_S:
            # The number is from before the reading: a commit meanwhile makes the next one read again.
            ways = _Ways(changes, now, [self._member(known, kind) for known in await self._all(scope)])
            if len(self._ways) >= _MOST_WAYS:
                self._ways.clear()
            self._ways[kind, scope] = ways
        return ways.members

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        async with self._transactions.begin() as tx:
            return (await find(self._store, tx, principal, cluster_id)).cluster

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        async with self._transactions.begin() as tx:
            record = await self._store.by_name(tx, name) if domain.is_name(name) else None
        if record is None or not principal.sees(record.cluster.id):
            raise NotFound(f"There is no cluster named {name[:64]}.", code="CLUSTER_NOT_FOUND")
        return record.cluster

    async def local(self, principal: Principal) -> Cluster | None:
        async with self._transactions.begin() as tx:
            cluster_id = await self._store.local(tx)
            record = await self._store.get(tx, cluster_id) if cluster_id else None
        return record.cluster if record is not None and principal.sees(record.cluster.id) else None

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id)
        member = member_of(self._vault, record, kind)
        if member.problem is not None:
            raise Unavailable(member.problem)
        return member.target

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        wanted = None if cluster_ids is None else list(dict.fromkeys(cluster_ids))
        for cluster_id in wanted or ():
            if not principal.sees(cluster_id):
                raise no_cluster(cluster_id)
        scope = principal.clusters if wanted is None else frozenset(wanted)
        members = await self._members(kind, scope)
        if wanted is None:
            return list(members)
        found = {member.cluster.id: member for member in members}
        for cluster_id in wanted:
            if cluster_id not in found:
                raise no_cluster(cluster_id)
        return [found[cluster_id] for cluster_id in wanted]

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        if not principal.sees(cluster_id):
            raise no_cluster(cluster_id)
        # Samples may come many times a second; their freshness is judged in tens of seconds.
        before = self._seen.get(cluster_id)
        if before is not None and at < before + _SEEN_EVERY:
            return
        async with self._transactions.begin() as tx:
            record = await self._store.get(tx, cluster_id, lock=True)
            if record is None:
                self._seen.pop(cluster_id, None)
                return
            now = self._clock.now()
            # A sender's clock may run ahead: the future would keep a silent host ONLINE.
            seen_at = min(at, now)
            await self._store.seen(tx, cluster_id, seen_at)
            cluster = record.cluster
            if cluster.platform is Platform.HOST and cluster.status.state is not State.ONLINE:
                endpoints = {domain.SAMPLES: domain.freshness(seen_at, now)}
                if endpoints[domain.SAMPLES].ok:
                    recent = [*record.recent, True][-domain.RECENT_PROBES :]
                    await write_status(self._store, tx, record, domain.status_of(endpoints, recent, now), recent)
            await tx.commit()
        self._seen[cluster_id] = at

    async def page(self, principal: Principal, filters: Filters, *, page_size: int, cursor: str | None) -> ClusterPage:
        """Clusters by name."""
        principal.require(Role.VIEWER)
        _check_page_size(page_size)
        after = _decode_cursor(cursor) if cursor else None
        if any("\x00" in text for text in (filters.name, filters.region, filters.managed_by) if text):
            raise Invalid("A filter can't hold a null character.")
        async with self._transactions.begin() as tx:
            found, total = await self._store.page(tx, principal.clusters, filters, after, page_size + 1)
        items = found[:page_size]
        more = len(found) > page_size
        return ClusterPage(items, _encode_cursor(items[-1].name) if more else None, total)

    async def history(
        self,
        principal: Principal,
        cluster_id: UUID,
        *,
        start: datetime | None,
        end: datetime | None,
        page_size: int,
        cursor: str | None,
    ) -> HistoryPage:
        """How the cluster was found, newest first; the last 7 days where no times are given."""
        principal.require(Role.VIEWER)
        _check_page_size(page_size)
        end = end or self._clock.now()
        if end.tzinfo is None or end.year < _FIRST_YEAR:
            raise Invalid("end needs a time zone, like 2026-01-31T12:00:00Z.", details={"field": "end"})
        start = start or end - _HISTORY
        if start.tzinfo is None or start > end:
            raise Invalid("start needs a time zone, like 2026-01-31T12:00:00Z, and comes before end.")
        before = _cursor_time(cursor) if cursor else None
        async with self._transactions.begin() as tx:
            await find(self._store, tx, principal, cluster_id)
            points, total = await self._store.history(
                tx, cluster_id, start=start, end=end, before=before, limit=page_size + 1
            )
        items = points[:page_size]
        more = len(points) > page_size
        return HistoryPage(items, _encode_cursor(items[-1].at.isoformat()) if more else None, total)

    async def summary(self, principal: Principal) -> FleetSummary:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.summary(tx, principal.clusters)

    async def health(self, principal: Principal) -> FleetHealth:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.health(tx, principal.clusters, _WORST)

    async def capabilities(self, principal: Principal) -> FleetCapabilities:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.capabilities(tx, principal.clusters)


def member_of(vault: Vault, record: ClusterRecord, kind: EndpointKind) -> Member:
    """The cluster with the way to its endpoint of this kind, or why there is none."""
    try:
        return Member(record.cluster, target_of(vault, record, kind))
    except AiopsError as error:
        return Member(record.cluster, None, error.message)


def target_of(vault: Vault, record: ClusterRecord, kind: EndpointKind) -> Target | None:
    """Raises `SecretUnreadable`, and `Unavailable` where the hub has nothing to sign in with yet."""
    cluster = record.cluster
    url = cluster.url(kind)
    if url is None:
        return None
    target = build_target(cluster, kind, url, vault.sent(cluster.id, record.sealed, kind))
    if kind is EndpointKind.ALERTMANAGER and cluster.alertmanager_peer_url is not None:
        return msgspec.structs.replace(target, peer=target_of(vault, record, EndpointKind.ALERTMANAGER_PEER))
    return target


def build_target(cluster: Cluster, kind: EndpointKind, url: str, sent: Sent) -> Target:
    tls, access = cluster.tls, sent.access
    return Target(
        cluster_id=cluster.id,
        cluster_name=cluster.name,
        kind=kind,
        url=url,
        headers=sent.headers,
        # An API server is never shared.
        selector={} if kind is EndpointKind.API_SERVER else cluster.selector,
        tls=Tls(tls.ca_bundle, tls.skip_verify, tls.server_name, access.certificate, access.key),
        proxy_url=cluster.proxy_url,
    )


async def find(
    store: Store, tx: Transaction, principal: Principal, cluster_id: UUID, *, lock: bool = False
) -> ClusterRecord:
    """The cluster, or `NotFound`: the same for one that is not there and one that is out of scope."""
    record = await store.get(tx, cluster_id, lock=lock) if principal.sees(cluster_id) else None
    if record is None:
        raise no_cluster(cluster_id)
    return record


def no_cluster(cluster_id: UUID) -> NotFound:
    return NotFound(f"There is no cluster {cluster_id}.", code="CLUSTER_NOT_FOUND")


async def write_status(
    store: Store, tx: Transaction, record: ClusterRecord, status: ClusterStatus, recent: list[bool]
) -> None:
    """Keep a finding and its history, and state the fact where anything but the time changed."""
    cluster, before = record.cluster, record.cluster.status
    assert status.checked_at is not None
    reached = (
        status.checked_at if domain.judged_ok(status.endpoints) and domain.SAMPLES not in status.endpoints else None
    )
    await store.save_status(tx, cluster.id, status, recent, reached)
    point = HealthPoint(status.checked_at, status.state, status.connectivity, status.health_score, status.endpoints)
    await store.add_history(tx, cluster.id, point)
    if (status.state, status.connectivity, status.health_score) != (
        before.state,
        before.connectivity,
        before.health_score,
    ):
        tx.publish(
            ClusterStatusChanged(
                event_id=new_id(),
                occurred_at=status.checked_at,
                cluster_ids=(cluster.id,),
                cluster_id=cluster.id,
                name=cluster.name,
                state=status.state,
                previous_state=before.state,
                health_score=status.health_score,
            )
        )


def _check_page_size(page_size: int) -> None:
    if not 1 <= page_size <= MOST_A_PAGE:
        raise Invalid(f"page_size is from 1 to {MOST_A_PAGE}.", details={"field": "page_size"})


def _encode_cursor(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> str:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text or not text.isprintable():
        raise Invalid("The cursor is not one that this list gave.", details={"field": "cursor"})
    return text


def _cursor_time(cursor: str) -> datetime:
    try:
        found = datetime.fromisoformat(_decode_cursor(cursor))
    except ValueError:
        found = datetime.min  # noqa: DTZ901
    if found.tzinfo is None:
        raise Invalid("The cursor is not one that this list gave.", details={"field": "cursor"})
    return found
