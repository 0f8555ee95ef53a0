"""Network functions and what they stand on, as metrics tell of them: pods, clocks, virtual functions, ports. No I/O."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.observability.service.device_metrics import Reading, known

LOCKED_WITHIN_NS = 100.0

_KINDS = {"du": "VDU", "vdu": "VDU", "cu": "VCU", "vcu": "VCU", "upf": "UPF", "amf": "AMF", "smf": "SMF"}
NAMESPACES = "(v?du|v?cu|upf|amf|smf)(-.*)?"

POD_NAMES = ("kube_pod_info", "kube_pod_status_phase", "kube_pod_status_ready")
POD_ONLY = (f'namespace=~"{NAMESPACES}"', 'condition=~"|true"')

_OFFSET, _STATE, _ROLE = "openshift_ptp_offset_ns", "openshift_ptp_clock_state", "openshift_ptp_interface_role"
_MAX_OFFSET, _DELAY = "openshift_ptp_max_offset_ns", "openshift_ptp_delay_ns"
_FREQUENCY, _CLASS = "openshift_ptp_frequency_adjustment_ns", "openshift_ptp_clock_class"
PTP_NAMES = (_OFFSET, _STATE, _ROLE, _MAX_OFFSET, _DELAY, _FREQUENCY, _CLASS)
_ROLES = {0: "PASSIVE", 1: "SLAVE", 2: "MASTER", 3: "FAULTY", 4: "UNKNOWN", 5: "LISTENING"}


class CnfWorkload(msgspec.Struct, frozen=True):
    """The pods of one owner. `ready` is `None` where nobody tells."""

    cluster_id: UUID
    cluster: str
    namespace: str
    cnf_type: str
    owner_kind: str | None
    owner_name: str | None
    pods: int
    ready: int | None
    phases: dict[str, int]
    nodes: list[str]


class ClockState(StrEnum):
    LOCKED = "LOCKED"
    FREERUN = "FREERUN"
    HOLDOVER = "HOLDOVER"


_STATES = {0: ClockState.FREERUN, 1: ClockState.LOCKED, 2: ClockState.HOLDOVER}


class PtpClock(msgspec.Struct, frozen=True):
    """One process (ptp4l, phc2sys, ts2phc) on one interface, or the role of one port.

    `state` is LOCKED where the offset is within 100 ns and the daemon does not say otherwise; `reported_state` is the
    daemon's own word. `clock_class` is that of the process on this node.
    """

    cluster_id: UUID
    cluster: str
    node: str
    interface: str
    process: str | None
    state: ClockState | None
    reported_state: ClockState | None
    offset_ns: float | None
    max_offset_ns: float | None
    delay_ns: float | None
    frequency_adjustment_ns: float | None
    role: str | None
    clock_class: int | None


def cnf_type_of(namespace: str) -> str:
    found = re.fullmatch(NAMESPACES, namespace)
    return _KINDS[found[1]] if found else "OTHER"


def workloads_of(readings: Iterable[Reading]) -> list[CnfWorkload]:
    pods: dict[tuple[UUID, str, str], dict[str, Reading]] = defaultdict(dict)
    phases: dict[tuple[UUID, str, str], str] = {}
    ready: dict[tuple[UUID, str, str], bool] = {}
    for one in readings:
        key = (one.cluster_id, one.labels.get("namespace", ""), one.labels.get("pod", ""))
        if one.name == "kube_pod_info":
            pods[key]["info"] = one
        elif one.name == "kube_pod_status_phase" and one.value == 1:
            phases[key] = one.labels.get("phase", "Unknown")
        elif one.name == "kube_pod_status_ready":
            ready[key] = one.value == 1
    groups: dict[tuple[str, UUID, str, str, str], list[tuple[UUID, str, str]]] = defaultdict(list)
    for key, told in pods.items():
        info = told["info"]
        owner = (_named(info, "created_by_kind"), _named(info, "created_by_name"))
        groups[info.cluster, info.cluster_id, key[1], owner[0] or "", owner[1] or ""].append(key)
    return [
        CnfWorkload(
            cluster_id=cluster_id,
            cluster=cluster,
            namespace=namespace,
            cnf_type=cnf_type_of(namespace),
            owner_kind=kind or None,
            owner_name=name or None,
            pods=len(keys),
            ready=sum(ready.get(key, False) for key in keys) if any(key in ready for key in keys) else None,
            phases=dict(sorted(Counter(phases[key] for key in keys if key in phases).items())),
            nodes=sorted({pods[key]["info"].labels.get("node", "") for key in keys} - {""}),
        )
        for (cluster, cluster_id, namespace, kind, name), keys in sorted(groups.items())
    ]


def clocks_of(readings: Iterable[Reading]) -> list[PtpClock]:
    values: dict[tuple[str, UUID, str, str, str], dict[str, float]] = defaultdict(dict)
    classes: dict[tuple[UUID, str, str], int] = {}
    for one in readings:
        process = one.labels.get("process", "")
        if one.name == _CLASS:
            classes[one.cluster_id, one.node, process] = int(one.value)
        elif one.labels.get("iface"):
            place = values[one.cluster, one.cluster_id, one.node, one.labels["iface"], process]
            # Of several sources (a clock and its master) the one that is worse off counts.
            place[one.name] = max((one.value, place.get(one.name, one.value)), key=abs)
    return [
        _clock(cluster, cluster_id, node, interface, process, told, classes.get((cluster_id, node, process)))
        for (cluster, cluster_id, node, interface, process), told in sorted(values.items())
    ]


def _clock(
    cluster: str,
    cluster_id: UUID,
    node: str,
    interface: str,
    process: str,
    told: Mapping[str, float],
    clock_class: int | None,
) -> PtpClock:
    offset, reported = known(told, _OFFSET), _STATES.get(int(told[_STATE])) if _STATE in told else None
    role = _ROLES.get(int(told[_ROLE])) if _ROLE in told else None
    return PtpClock(
        cluster_id=cluster_id,
        cluster=cluster,
        node=node,
        interface=interface,
        process=process or None,
        state=state_of(offset, reported),
        reported_state=reported,
        offset_ns=offset,
        max_offset_ns=known(told, _MAX_OFFSET),
        delay_ns=known(told, _DELAY),
        frequency_adjustment_ns=known(told, _FREQUENCY),
        role=role,
        clock_class=clock_class,
    )


def state_of(offset_ns: float | None, reported: ClockState | None) -> ClockState | None:
    """LOCKED only where neither the offset nor the daemon says otherwise; `None` where neither says anything."""
    if reported in (ClockState.FREERUN, ClockState.HOLDOVER) or offset_ns is None:
        return reported
    return ClockState.LOCKED if abs(offset_ns) < LOCKED_WITHIN_NS else ClockState.FREERUN


def _named(one: Reading, label: str) -> str | None:
    found = one.labels.get(label)
    return None if found in (None, "", "<none>") else found
