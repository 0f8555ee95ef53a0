"""Machines that node_exporter, or the hub itself, tells of and Kubernetes does not."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from aiops.intelligence.domain.topology import Node, NodeKind
from aiops.intelligence.needs_topology import Asking, Found

_MACHINES = "max by (nodename, instance) (node_uname_info)"
_OF_KUBERNETES = "max by (node, internal_ip) (kube_node_info)"


class Hosts:
    name: ClassVar[str] = "hosts"
    keep_s: ClassVar[float] = 7 * 86_400.0

    async def look(self, asking: Asking, cluster_id: UUID, at_most: int) -> Found:
        addresses: dict[str, set[str]] = {}
        for labels, _ in await asking.metrics(_MACHINES):
            name = labels.get("nodename", "")
            if name:
                addresses.setdefault(name, set()).add(labels.get("instance", "").rpartition(":")[0])
        if not addresses:
            return Found([], [], ["It has no metrics of node_exporter (node_uname_info)."])
        known = {word for labels, _ in await asking.metrics(_OF_KUBERNETES) for word in labels.values() if word}
        names = sorted(name for name, own in addresses.items() if name not in known and not own & known)
        nodes = [
            Node.of(
                NodeKind.HOST,
                name,
                cluster_id=cluster_id,
                # Two machines of one name are told apart by nothing; their addresses both lead to it.
                attributes={"ip": ",".join(sorted(own))} if (own := addresses[name] - {"", name}) else {},
            )
            for name in names[:at_most]
        ]
        return Found(nodes, [], left_out=max(0, len(names) - at_most))
