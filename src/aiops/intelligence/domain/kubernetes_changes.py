"""What changed in a cluster between two looks at its objects, and what its events tell beside that. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from aiops.intelligence.domain.changes import ChangeKind, Outcome, ToldChange
from aiops.registry.ports_objects import ClusterObjects, Configuration, ObjectEvent, ObjectKind, Workload

_MOST_AT_ONCE = 500
_LATE = timedelta(minutes=2)
_WAITS_FOR_OUTCOME = timedelta(hours=1)
_OVERLAP = timedelta(minutes=1)
_FOLLOWS = timedelta(minutes=15)
_CHURN_WITHIN = timedelta(hours=1)
_CHURNS = 4
_LEAST_FOR_DOUBT = 10
_WORKLOADS = (ObjectKind.DEPLOYMENT, ObjectKind.STATEFUL_SET, ObjectKind.DAEMON_SET)
_POD = re.compile(r"(?P<workload>.+?)(-[a-z0-9]{6,10})?-([a-z0-9]{5}|\d+)")
_NODES = {
    "NodeNotReady": "is not ready",
    "NodeNotSchedulable": "takes no more pods (cordoned)",
    "NodeSchedulable": "takes pods again",
    "Rebooted": "was rebooted",
    "RemovingNode": "was removed from the cluster",
    "RegisteredNode": "joined the cluster",
}
_PODS = {"Evicted": "were evicted", "Preempted": "gave way to others", "Killing": "were stopped"}
# A probe that fails shows a fault; it changes nothing.
_BY_PROBE = re.compile(r"\b(liveness|startup) probe\b")


class Known(msgspec.Struct, array_like=True):
    """A workload as it was at the last look; `before` are the images that it had before those."""

    uid: str
    generation: int
    template: str
    replicas: int | None
    restarted_at: str
    images: dict[str, str]
    before: dict[str, str] = {}
    changed_at: datetime | None = None


class KnownConfiguration(msgspec.Struct, array_like=True):
    """`written` are the times of its last changes: one that is written all the time keeps state, no configuration."""

    uid: str
    version: str
    written: list[datetime] = []


class Pending(msgspec.Struct, array_like=True):
    """A change whose end is not known yet."""

    place: str
    generation: int
    since: datetime
    told: ToldChange


class Memory(msgspec.Struct):
    """What the next look is compared with. `read` are the kinds that were looked at already."""

    looked_at: datetime | None = None
    read: set[ObjectKind] = set()
    workloads: dict[str, Known] = {}
    configurations: dict[str, KnownConfiguration] = {}
    pending: list[Pending] = []
    events_until: datetime | None = None


class Seen(msgspec.Struct, frozen=True):
    """`notes` tell people what was left out, and why."""

    memory: Memory
    changes: list[ToldChange]
    notes: list[str]


def compared(memory: Memory, found: ClusterObjects, now: datetime) -> Seen:
    """What a look found beside the one before it. The first look at a kind finds nothing: all is as it was."""
    new = Memory(looked_at=now, read=memory.read | set(found.read))
    notes: list[str] = []
    changes = _workloads(memory, new, found, now, notes) + _configurations(memory, new, found, now, notes)
    changes += _ended(memory, new, found, now)
    changes += _events(memory, new, found, now)
    if len(changes) > _MOST_AT_ONCE:
        notes.append(f"{len(changes) - _MOST_AT_ONCE:,} of the changes found at {now:%H:%M} UTC are not kept.")
        changes = sorted(changes, key=lambda one: one.at or now)[-_MOST_AT_ONCE:]
    return Seen(new, changes, notes)


def _workloads(memory: Memory, new: Memory, found: ClusterObjects, now: datetime, notes: list[str]) -> list[ToldChange]:
    changes: list[ToldChange] = []
    current = {_place(one.kind, one.namespace, one.name): one for one in found.workloads}
    gone = [place for place in memory.workloads if place not in current and _kind(place) in found.whole]
    new.workloads = {place: known for place, known in memory.workloads.items() if place not in gone}
    if _doubtful(len(gone), len(memory.workloads)):
        notes.append("More than half of its workloads are others than before: what they are now is taken as it is.")
        new.workloads = {place: _known(one, None, now) for place, one in current.items()}
        return []
    for place, one in current.items():
        before = memory.workloads.get(place)
        told = _workload_change(before, one, memory, now) if one.kind in memory.read else None
        new.workloads[place] = _known(one, before, now if told is not None else None)
        if told is not None:
            changes.append(told)
            if told.outcome is Outcome.UNDER_WAY:
                new.pending.append(Pending(place, one.generation, now, told))
    return changes + [_deleted(place, memory.workloads[place].uid, now) for place in gone]


def _known(one: Workload, before: Known | None, changed_at: datetime | None) -> Known:
    if before is None:
        earlier: dict[str, str] = {}
    else:
        earlier = before.before if before.images == one.images else before.images
    at = changed_at or (before.changed_at if before is not None else None)
    return Known(one.uid, one.generation, one.template, one.replicas, one.restarted_at, one.images, earlier, at)


def _workload_change(before: Known | None, one: Workload, memory: Memory, now: datetime) -> ToldChange | None:
    name = f"{one.kind.value} {one.namespace}/{one.name}"
    if before is not None and before.uid == one.uid and before.generation == one.generation:
        return None
    kind, title, versions = ChangeKind.DEPLOYMENT, f"{name} was created", ("", _version(one.images))
    if before is not None:
        kind, title, versions = _what(name, before, one)
    return ToldChange(
        title=title[:512],
        kind=kind,
        at=_when(one.written_at, memory.looked_at, now),
        told_at=now,
        key=f"{one.uid}:{one.generation}",
        namespace=one.namespace,
        service=one.service,
        workload=one.name,
        version_from=versions[0],
        version_to=versions[1],
        author=one.written_by,
        outcome={True: Outcome.SUCCEEDED, False: Outcome.FAILED, None: Outcome.UNDER_WAY}[one.rolled_out],
        labels={one.kind.value.lower(): one.name},
    )


def _what(name: str, before: Known, one: Workload) -> tuple[ChangeKind, str, tuple[str, str]]:
    if before.uid != one.uid:
        return ChangeKind.DEPLOYMENT, f"{name} was made anew", (_version(before.images), _version(one.images))
    if before.images != one.images:
        back = one.images == before.before
        parts = [
            f"{before.images.get(container, 'none')} → {one.images.get(container, 'none')}"
            for container in {**before.images, **one.images}
            if before.images.get(container) != one.images.get(container)
        ]
        changed = {container for container in one.images if before.images.get(container) != one.images[container]}
        versions = tuple(
            _version({container: each[container] for container in changed if container in each})
            for each in (before.images, one.images)
        )
        title = f"{name}: {'back to an image from before: ' if back else ''}{', '.join(parts)}"
        return ChangeKind.ROLLBACK if back else ChangeKind.DEPLOYMENT, title, (versions[0], versions[1])
    same = ("", "")
    if before.restarted_at != one.restarted_at:
        return ChangeKind.DEPLOYMENT, f"{name} was restarted", same
    if before.template != one.template:
        return ChangeKind.CONFIG, f"{name}: the template of its pods was changed", same
    if before.replicas != one.replicas:
        return ChangeKind.SCALING, f"{name} scaled from {before.replicas} to {one.replicas}", same
    return ChangeKind.CONFIG, f"{name}: its spec was changed", same


def _deleted(place: str, uid: str, now: datetime) -> ToldChange:
    kind, namespace, name = place.split("/", 2)
    is_map = kind == ObjectKind.CONFIG_MAP.value
    return ToldChange(
        title=f"{kind} {namespace}/{name} was deleted"[:512],
        kind=ChangeKind.CONFIG if is_map else ChangeKind.DEPLOYMENT,
        at=now,
        told_at=now,
        key=f"{uid}:deleted",
        namespace=namespace,
        workload="" if is_map else name,
        labels={kind.lower(): name},
    )


def _configurations(
    memory: Memory, new: Memory, found: ClusterObjects, now: datetime, notes: list[str]
) -> list[ToldChange]:
    kind, changes = ObjectKind.CONFIG_MAP, list[ToldChange]()
    current = {_place(kind, one.namespace, one.name): one for one in found.configurations}
    gone = [place for place in memory.configurations if place not in current and kind in found.whole]
    new.configurations = {place: known for place, known in memory.configurations.items() if place not in gone}
    if _doubtful(len(gone), len(memory.configurations)):
        notes.append("More than half of its ConfigMaps are others than before: what they are now is taken as it is.")
        new.configurations = {place: KnownConfiguration(one.uid, one.version) for place, one in current.items()}
        return []
    users = _users(found.workloads)
    for place, one in current.items():
        before = memory.configurations.get(place)
        if before is not None and (before.uid, before.version) == (one.uid, one.version):
            continue
        if kind not in memory.read:
            new.configurations[place] = KnownConfiguration(one.uid, one.version)
            continue
        recent = [at for at in (before.written if before is not None else ()) if at > now - _CHURN_WITHIN]
        new.configurations[place] = KnownConfiguration(one.uid, one.version, [*recent, now][-_CHURNS:])
        if len(recent) < _CHURNS:
            what = "was created" if before is None or before.uid != one.uid else "was changed"
            changes.append(_written(one, what, users, memory, now))
    churning = sum(len(one.written) >= _CHURNS for one in new.configurations.values())
    if churning:
        notes.append(f"{churning:,} of its ConfigMaps are written all the time: they are taken for state.")
    return changes + [_deleted(place, memory.configurations[place].uid, now) for place in gone]


def _written(
    one: Configuration, what: str, users: dict[tuple[str, str], list[Workload]], memory: Memory, now: datetime
) -> ToldChange:
    read_by = users.get((one.namespace, one.name), [])
    only = read_by[0] if len(read_by) == 1 else None
    used = f" (read by {', '.join(each.name for each in read_by[:5])})" if read_by else ""
    return ToldChange(
        title=f"ConfigMap {one.namespace}/{one.name} {what}{used}"[:512],
        kind=ChangeKind.CONFIG,
        at=_when(one.written_at, memory.looked_at, now),
        told_at=now,
        key=f"{one.uid}:{one.version}",
        namespace=one.namespace,
        service=only.service if only else "",
        workload=only.name if only else "",
        author=one.written_by,
        outcome=Outcome.SUCCEEDED,
        labels={"configmap": one.name},
    )


def _users(workloads: Iterable[Workload]) -> dict[tuple[str, str], list[Workload]]:
    found: dict[tuple[str, str], list[Workload]] = {}
    for one in workloads:
        for name in one.config_maps:
            found.setdefault((one.namespace, name), []).append(one)
    return found


def _ended(memory: Memory, new: Memory, found: ClusterObjects, now: datetime) -> list[ToldChange]:
    """Changes of before whose end is known now, told again with it."""
    current = {_place(one.kind, one.namespace, one.name): one for one in found.workloads}
    ended = []
    for waiting in memory.pending:
        one = current.get(waiting.place)
        if waiting.since < now - _WAITS_FOR_OUTCOME or (one is not None and one.generation != waiting.generation):
            continue
        if one is None or one.rolled_out is None:
            if one is not None or _kind(waiting.place) not in found.whole:
                new.pending.append(waiting)
            continue
        outcome = Outcome.SUCCEEDED if one.rolled_out else Outcome.FAILED
        ended.append(msgspec.structs.replace(waiting.told, outcome=outcome, told_at=now))
    return ended


def _events(memory: Memory, new: Memory, found: ClusterObjects, now: datetime) -> list[ToldChange]:
    since = memory.events_until
    new.events_until = max([since or now - _FOLLOWS, *(min(one.at, now) for one in found.events)])
    # Clocks of machines differ; what is told again is no news.
    fresh = [one for one in found.events if since is None or one.at > since - _OVERLAP]
    changes = {told.key: told for told in _of_nodes(fresh)}
    # Where Deployments are compared, their scaling is known in more detail.
    if ObjectKind.DEPLOYMENT not in memory.read:
        changes |= {told.key: told for told in _of_scaling(fresh)}
    # The last of several stands.
    for one in sorted(fresh, key=lambda event: event.at):
        told = _of_pod(one, new)
        if told is not None:
            changes[told.key] = told
    return list(changes.values())


def _of_nodes(events: Iterable[ObjectEvent]) -> Iterator[ToldChange]:
    for one in events:
        if one.kind == "Node" and one.reason in _NODES:
            yield _told_event(
                one, f"Node {one.name} {_NODES[one.reason]}", ChangeKind.INFRASTRUCTURE, {"node": one.name}
            )


def _of_scaling(events: Iterable[ObjectEvent]) -> Iterator[ToldChange]:
    for one in events:
        if one.reason == "ScalingReplicaSet":
            title = f"{one.kind} {one.namespace}/{one.name}: {one.message}"
            yield _told_event(one, title, ChangeKind.SCALING, {one.kind.lower(): one.name}, one.name)


def _of_pod(one: ObjectEvent, new: Memory) -> ToldChange | None:
    match = _POD.fullmatch(one.name) if one.kind == "Pod" and one.reason in _PODS else None
    if match is None or (one.reason == "Killing" and _BY_PROBE.search(one.message)):
        return None
    workload = match["workload"]
    places = [_place(kind, one.namespace, workload) for kind in _WORKLOADS]
    changed = [known.changed_at for place in places if (known := new.workloads.get(place)) is not None]
    if one.reason == "Killing" and any(at is not None and one.at - at < _FOLLOWS for at in changed):
        # A rollout stops the pods from before: that is told already.
        return None
    title = f"Pods of {one.namespace}/{workload} {_PODS[one.reason]}: {one.message}"
    told = _told_event(one, title, ChangeKind.INFRASTRUCTURE, {}, workload)
    span = one.at.replace(minute=one.at.minute // 10 * 10, second=0, microsecond=0)
    return msgspec.structs.replace(told, key=f"{one.reason}:{one.namespace}/{workload}:{span.isoformat()}")


def _told_event(
    one: ObjectEvent, title: str, kind: ChangeKind, labels: dict[str, str], workload: str = ""
) -> ToldChange:
    return ToldChange(
        title=title[:512],
        kind=kind,
        at=one.at,
        told_at=one.at,
        key=f"{one.uid}:{one.count}",
        namespace="" if one.kind == "Node" else one.namespace,
        workload=workload,
        labels={**labels, "reason": one.reason},
    )


def _when(written_at: datetime | None, looked_at: datetime | None, now: datetime) -> datetime:
    """When it was written, as the API tells; that can't be before the look that did not find it yet."""
    if written_at is None or (looked_at is not None and written_at < looked_at - _LATE):
        return now
    return min(written_at, now)


def _doubtful(gone: int, known: int) -> bool:
    """Another cluster behind the same address looks so, and a namespace that was deleted hardly."""
    return known >= _LEAST_FOR_DOUBT and gone > known / 2


def _version(images: dict[str, str]) -> str:
    """The tags, or digests, of these images."""
    found = dict.fromkeys(_tag(images[name]) for name in sorted(images))
    return ", ".join(tag for tag in found if tag)[:512]


def _tag(image: str) -> str:
    name, at, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or (digest[:19] if at else "")


def _place(kind: ObjectKind, namespace: str, name: str) -> str:
    return f"{kind.value}/{namespace}/{name}"


def _kind(place: str) -> ObjectKind:
    return ObjectKind(place.partition("/")[0])
