"""Reads workloads, ConfigMaps (their metadata alone) and the events that tell of changes, as the API describes them:
kubernetes.io/docs/reference/kubernetes-api, "Workload Resources", "Event"; "Server-Side Apply" for managedFields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from aiops.registry.discovery.faults import Forbidden, Missing
from aiops.registry.discovery.kubernetes import Kubernetes, Listing
from aiops.registry.discovery.permissions import (
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    EVENTS,
    STATEFUL_SETS,
    Resource,
    rule_for,
)
from aiops.registry.ports_objects import ClusterObjects, Configuration, ObjectEvent, ObjectKind, Workload

REASONS = (
    "ScalingReplicaSet",
    "NodeNotReady",
    "NodeNotSchedulable",
    "NodeSchedulable",
    "Rebooted",
    "RemovingNode",
    "RegisteredNode",
    "Evicted",
    "Preempted",
    "Killing",
)
"""Events that tell of a change; each is asked for alone, for a cluster holds many others."""

_WORKLOADS = {
    ObjectKind.DEPLOYMENT: DEPLOYMENTS,
    ObjectKind.STATEFUL_SET: STATEFUL_SETS,
    ObjectKind.DAEMON_SET: DAEMON_SETS,
}
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_SERVICE_LABELS = ("app.kubernetes.io/name", "app", "k8s-app")
_LEADER = "control-plane.alpha.kubernetes.io/leader"
# Every namespace has them, and nobody configures anything by them.
_NOT_CONFIGURATION = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"})
_LONGEST = 512

T = TypeVar("T")


class _Write(msgspec.Struct):
    manager: str = ""
    time: datetime | None = None
    subresource: str = ""


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    managed_fields: list[_Write] | None = None


class _Spec(msgspec.Struct):
    template: msgspec.Raw = msgspec.Raw(b"{}")
    replicas: int | None = None


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    ready_replicas: int = 0
    desired_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    conditions: list[_Condition] | None = None


class _Object(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


class _Bare(msgspec.Struct):
    metadata: _Metadata


class _Involved(msgspec.Struct):
    kind: str = ""
    namespace: str = ""
    name: str = ""


class _Series(msgspec.Struct, rename="camel"):
    count: int = 0
    last_observed_time: datetime | None = None


class _Event(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    involved_object: _Involved = msgspec.field(default_factory=_Involved)
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: _Series | None = None


class _Reading:
    """One look: a kind that may not be read is a problem and keeps nothing from the others."""

    def __init__(self, client: Kubernetes) -> None:
        self._client = client
        self.read: set[ObjectKind] = set()
        self.whole: set[ObjectKind] = set()
        self.problems: list[str] = []

    async def every(self, kind: ObjectKind, resource: Resource, item: type[T], **how: Any) -> list[T]:
        try:
            found: Listing[T] = await self._client.every(resource, item, **how)
        except (Forbidden, Missing):
            rule = rule_for(resource, "list")
            said = f"It may not {rule} (to {rule.purpose}): apply deploy/spoke/{rule.part.value}"
            if said not in self.problems:
                self.problems.append(said)
            return []
        self.read.add(kind)
        if found.complete:
            self.whole.add(kind)
        else:
            self.problems.append(f"It has more {resource.name} than the hub looks at")
        return found.items


async def objects_of(client: Kubernetes) -> ClusterObjects:
    """Raises a `KubernetesFault` where the API does not answer."""
    reading = _Reading(client)
    workloads = [
        made
        for kind, resource in _WORKLOADS.items()
        for one in await reading.every(kind, resource, _Object)
        if (made := _workload(kind, one)) is not None
    ]
    maps = await reading.every(ObjectKind.CONFIG_MAP, CONFIG_MAPS, _Bare, metadata_only=True)
    return ClusterObjects(
        workloads=workloads,
        configurations=[_configuration(one.metadata) for one in maps if _configures(one.metadata)],
        events=await _events(reading),
        read=frozenset(reading.read),
        whole=frozenset(reading.whole),
        problems=reading.problems,
    )


async def _events(reading: _Reading) -> list[ObjectEvent]:
    found: list[ObjectEvent] = []
    for reason in REASONS:
        found += _each(await reading.every(ObjectKind.EVENT, EVENTS, _Event, fields=f"reason={reason}"), _event)
        if ObjectKind.EVENT not in reading.read:
            break
    return found


def _each(items: Iterable[_Event], told: Callable[[_Event], ObjectEvent | None]) -> list[ObjectEvent]:
    return [made for one in items if (made := told(one)) is not None]


def _event(one: _Event) -> ObjectEvent | None:
    series = one.series or _Series()
    at = series.last_observed_time or one.last_timestamp or one.event_time
    if at is None or one.reason not in REASONS:
        return None
    about = one.involved_object
    return ObjectEvent(
        uid=one.metadata.uid,
        reason=one.reason,
        kind=about.kind,
        namespace=about.namespace,
        name=about.name,
        message=_clean(one.message or ""),
        count=max(series.count, one.count or 1),
        at=at,
    )


def _workload(kind: ObjectKind, one: _Object) -> Workload | None:
    template = _decoded(one.spec.template)
    if template is None:
        return None
    annotations = dict(_dict(_dict(template, "metadata"), "annotations"))
    pods = _dict(template, "spec")
    containers = [*_list(pods, "initContainers"), *_list(pods, "containers")]
    labels = one.metadata.labels or {}
    at, by = _written(one.metadata)
    return Workload(
        kind=kind,
        namespace=one.metadata.namespace,
        name=one.metadata.name,
        uid=one.metadata.uid,
        generation=one.metadata.generation,
        template=hashlib.sha256(bytes(one.spec.template)).hexdigest()[:16],
        images={_text(each.get("name")): _text(each.get("image")) for each in containers},
        replicas=None if kind is ObjectKind.DAEMON_SET else one.spec.replicas,
        restarted_at=_text(annotations.get(_RESTARTED)),
        config_maps=_config_maps(pods, containers),
        service=next((_text(labels[name]) for name in _SERVICE_LABELS if labels.get(name)), ""),
        written_at=at,
        written_by=by,
        rolled_out=_rolled_out(kind, one),
    )


def _rolled_out(kind: ObjectKind, one: _Object) -> bool | None:
    status, wanted = one.status, one.spec.replicas if one.spec.replicas is not None else 1
    if any(part.type == "Progressing" and part.status == "False" for part in status.conditions or ()):
        return False
    if status.observed_generation < one.metadata.generation:
        return None
    if kind is ObjectKind.DAEMON_SET:
        done = status.updated_number_scheduled == status.number_available == status.desired_number_scheduled
    elif kind is ObjectKind.DEPLOYMENT:
        done = status.updated_replicas == status.replicas == wanted and status.available_replicas >= wanted
    else:
        done = status.updated_replicas >= wanted and status.ready_replicas >= wanted
    return True if done else None


def _configures(metadata: _Metadata) -> bool:
    return metadata.name not in _NOT_CONFIGURATION and _LEADER not in (metadata.annotations or {})


def _configuration(metadata: _Metadata) -> Configuration:
    at, by = _written(metadata)
    return Configuration(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        version=metadata.resource_version,
        written_at=at,
        written_by=by,
    )


def _written(metadata: _Metadata) -> tuple[datetime | None, str]:
    writes = [one for one in metadata.managed_fields or () if one.time is not None and one.subresource != "status"]
    last = max(writes, key=lambda one: one.time.timestamp() if one.time else 0.0, default=None)
    return (last.time, _clean(last.manager)) if last is not None else (None, "")


def _config_maps(pods: dict[str, Any], containers: list[dict[str, Any]]) -> tuple[str, ...]:
    found: set[str] = set()
    for volume in _list(pods, "volumes"):
        found.add(_text(_dict(volume, "configMap").get("name")))
        for part in _list(_dict(volume, "projected"), "sources"):
            found.add(_text(_dict(part, "configMap").get("name")))
    for container in containers:
        for part in _list(container, "envFrom"):
            found.add(_text(_dict(part, "configMapRef").get("name")))
        for variable in _list(container, "env"):
            found.add(_text(_dict(_dict(variable, "valueFrom"), "configMapKeyRef").get("name")))
    return tuple(sorted(found - {""}))


def _decoded(raw: msgspec.Raw) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _dict(of: Any, name: str) -> dict[str, Any]:
    found = of.get(name) if isinstance(of, dict) else None
    return found if isinstance(found, dict) else {}


def _list(of: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = of.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _text(word: Any) -> str:
    return _clean(word) if isinstance(word, str) else ""


def _clean(word: str) -> str:
    """A word of a cluster as it may be kept and shown."""
    return "".join(character for character in word if character.isprintable())[:_LONGEST]
