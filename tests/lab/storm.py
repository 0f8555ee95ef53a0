"""A switch fails: what hangs on it goes down, and every alert rule of four clusters says so."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx

CLUSTERS, NODES_ON_IT, NODES_BESIDE, WORKLOADS = 4, 8, 4, 212
_RULES = (
    "TargetDown", "HighErrorRate", "HighLatency", "PodNotReady", "ReplicasMissing", "EndpointsDown",
    "ProbeFailed", "QueueGrows", "NoTraffic", "JobStuck", "DnsFails", "RetriesRise", "SlowStart",
)  # fmt: skip
_WEBHOOK = 100

Alert = dict[str, Any]


def names() -> list[str]:
    return [f"prod-{number}" for number in range(1, CLUSTERS + 1)]


def workloads() -> Iterator[tuple[str, str, str, str]]:
    """Cluster, namespace, workload and node of those that hang on the switch."""
    for number in range(WORKLOADS):
        cluster = number % CLUSTERS
        node = f"node-{cluster + 1}-{(number // CLUSTERS) % NODES_ON_IT}"
        yield names()[cluster], f"team-{number % 9}", f"work-{number}", node


def topology() -> str:
    """The file that tells the hub what hangs on what: switch-7 and, beside it, switch-9 on the same core."""
    lines = [
        "name: network",
        "nodes:",
        "  - {kind: switch, name: switch-7, connected_to: core-1}",
        "  - {kind: switch, name: switch-9, connected_to: core-1}",
        "  - {kind: switch, name: core-1}",
    ]
    for number, cluster in enumerate(names(), 1):
        for switch, first, count in (("switch-7", 0, NODES_ON_IT), ("switch-9", NODES_ON_IT, NODES_BESIDE)):
            nodes = ", ".join(f"node-{number}-{at}" for at in range(first, first + count))
            lines.append(f"  - {{kind: node, cluster: {cluster}, names: [{nodes}], connected_to: {switch}}}")
    lines.append("edges:")
    for cluster, namespace, name, node in workloads():
        source = f"{{kind: workload, cluster: {cluster}, namespace: {namespace}, name: {name}}}"
        target = f"{{kind: node, cluster: {cluster}, name: {node}}}"
        lines.append(f"  - {{from: {source}, to: {target}, kind: runs_on}}")
    return "\n".join(lines) + "\n"


def alerts(count: int) -> list[tuple[str, Alert]]:
    """So many, each with its cluster, in the order in which they come; the switch's own is not the first of them."""
    told: list[tuple[str, Alert]] = []
    for rule, replica, (cluster, namespace, name, _) in itertools.product(_RULES, range(9), workloads()):
        pod = f"{name}-7d9c5b{replica}ff-x2x4{replica}"
        told.append((cluster, _alert(rule, namespace=namespace, deployment=name, pod=pod)))
        if len(told) == count:
            break
    for number, cluster in enumerate(names(), 1):
        for at in range(NODES_ON_IT):
            told[len(told) // 20 + number * NODES_ON_IT + at] = (
                cluster,
                _alert("NodeNotReady", node=f"node-{number}-{at}"),
            )
    told[len(told) // 10] = (names()[0], _alert("SwitchDown", job="snmp", instance="switch-7"))
    return told


def _alert(name: str, **labels: str) -> Alert:
    words = {"alertname": name, "severity": "critical" if name == "SwitchDown" else "warning", **labels}
    return {"status": "firing", "labels": words, "annotations": {"summary": f"{name} of {labels}"}}


def send(url: str, tokens: dict[str, str], told: Sequence[tuple[str, Alert]], seconds: float) -> float:
    """Post them as Alertmanagers do, spread over the time, each cluster under its own token; gives when it began."""
    batches: list[tuple[str, list[Alert]]] = []
    waiting: dict[str, list[Alert]] = {cluster: [] for cluster in tokens}
    for cluster, alert in told:
        waiting[cluster].append(alert)
        if len(waiting[cluster]) == _WEBHOOK:
            batches.append((cluster, waiting.pop(cluster)))
            waiting[cluster] = []
    batches += [(cluster, rest) for cluster, rest in waiting.items() if rest]
    began = time.time()

    def post(at: int) -> None:
        time.sleep(max(0.0, began + seconds * at / len(batches) - time.time()))
        cluster, some = batches[at]
        now = datetime.now(UTC).isoformat()
        body = {"version": "4", "alerts": [{**one, "startsAt": now, "endsAt": "0001-01-01T00:00:00Z"} for one in some]}
        headers = {"Authorization": f"Bearer {tokens[cluster]}"}
        httpx.post(f"{url}/api/v1/alerts/webhook", json=body, headers=headers, timeout=120).raise_for_status()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, range(len(batches))))
    return began
