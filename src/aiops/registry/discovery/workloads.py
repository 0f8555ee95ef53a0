"""What the names, labels and resources of a cluster's objects say about GPUs and network functions. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from aiops.registry.discovery.kubernetes import Metadata, Named
from aiops.registry.ports import CnfType

_GPU = "nvidia.com/gpu"
_MIG = "nvidia.com/mig-"
_PRODUCT = "nvidia.com/gpu.product"
_CARDS = "nvidia.com/gpu.count"

_CNF_NAMESPACE = re.compile(r"(?P<kind>v?du|v?cu|upf|amf|smf)(-.*)?")
_CNF_TYPES = {
    "du": CnfType.VDU,
    "vdu": CnfType.VDU,
    "cu": CnfType.VCU,
    "vcu": CnfType.VCU,
    "upf": CnfType.UPF,
    "amf": CnfType.AMF,
    "smf": CnfType.SMF,
}
# The SR-IOV operator makes this one by itself.
_NO_POLICY = "default"


class NodeStatus(msgspec.Struct, frozen=True):
    capacity: dict[str, str] | None = None


class Node(msgspec.Struct, frozen=True):
    metadata: Metadata
    status: NodeStatus = NodeStatus()


class Gpus(msgspec.Struct, frozen=True):
    nodes: int
    count: int
    types: tuple[str, ...]


def gpus_of(nodes: Iterable[Node]) -> Gpus:
    """Cards, not shares of them: the label of the GPU operator counts cards where the resource counts time slices."""
    carrying = count = 0
    types: dict[str, None] = {}
    for node in nodes:
        labels, capacity = node.metadata.labels or {}, node.status.capacity or {}
        cards = _number(labels.get(_CARDS)) or _number(capacity.get(_GPU)) or 0
        sliced = any(name.startswith(_MIG) and _number(value) for name, value in capacity.items())
        if cards or sliced:
            carrying += 1
            count += cards
            if labels.get(_PRODUCT):
                types[labels[_PRODUCT]] = None
    return Gpus(carrying, count, tuple(sorted(types)))


def cnf_type_of(namespace: str) -> CnfType | None:
    """`du-north-1` is a distributed unit; `cube` is none."""
    match = _CNF_NAMESPACE.fullmatch(namespace)
    return _CNF_TYPES[match["kind"]] if match else None


def cnf_types_of(namespaces: Iterable[str]) -> tuple[CnfType, ...]:
    found = {kind for name in namespaces if (kind := cnf_type_of(name)) is not None}
    return tuple(sorted(found))


def policies_of(policies: Sequence[Named]) -> list[str]:
    return sorted(policy.metadata.name for policy in policies if policy.metadata.name != _NO_POLICY)


def meshed(namespaces: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """The namespaces whose pods a service mesh takes in."""
    return sorted(
        name
        for name, labels in namespaces
        if labels.get("istio-injection") == "enabled"
        or "istio.io/rev" in labels
        or labels.get("istio.io/dataplane-mode") == "ambient"
        or "maistra.io/member-of" in labels
    )


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 7 else 0
