"""CPU that a hub's watching adds to a spoke's Prometheus: at most 1 % of a core.

One real Prometheus that scrapes a real node_exporter as three nodes, every 15 s; one hub, `aiops serve` as
it comes, that knows it as a cluster of the default type (SPOKE) for two minutes and then does not, in turns. Told is
the difference of the Prometheus' own `process_cpu_seconds_total`, which has probes, discovery, watches and the reading
of rules and alerts in it; the seconds in which a cluster is first looked at are told by themselves.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import statistics
import sys
import time
from urllib.request import urlopen

import httpx

from bench.verdict import at_most, told
from tests.lab.hub import Hub, add_cluster
from tests.lab.servers import NodeExporter, Prometheus

TAKES = "11 min"
NODES, BOUND_PERCENT, SETTLING_S = 3, 1.0, 30.0
_CPU = re.compile(rb"^process_cpu_seconds_total (\S+)$", re.M)


def _config(exporter: NodeExporter) -> str:
    nodes = "".join(
        f"      - {{targets: ['{exporter.target}'], labels: {{instance: 'node-{number}:9100'}}}}\n"
        for number in range(NODES)
    )
    return f"global: {{scrape_interval: 15s}}\nscrape_configs:\n  - job_name: node\n    static_configs:\n{nodes}"


def _cpu_s(server: Prometheus) -> float:
    with urlopen(f"{server.url}/metrics", timeout=30) as reply:
        found = _CPU.search(reply.read())
    assert found is not None
    return float(found[1])


def _percent_of_a_core(server: Prometheus, seconds: float) -> float:
    began, before = time.monotonic(), _cpu_s(server)
    time.sleep(seconds)
    after = _cpu_s(server)
    return 100 * (after - before) / (time.monotonic() - began)


def _watched(client: httpx.Client, server: Prometheus, seconds: float) -> tuple[float, float, int]:
    """Percent of a core while it is first looked at and after that, and how many watches were evaluated."""
    cluster_id = add_cluster(client, "bench", server.url)["id"]
    first = _percent_of_a_core(server, SETTLING_S)
    steady = _percent_of_a_core(server, seconds)
    reply = client.get("/api/v1/expectations", params={"cluster_id": cluster_id})
    reply.raise_for_status()
    series = len(reply.json()["items"])
    client.delete(f"/api/v1/clusters/{cluster_id}").raise_for_status()
    return first, steady, series


def _left_alone(server: Prometheus, seconds: float) -> float:
    time.sleep(SETTLING_S)
    return _percent_of_a_core(server, seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.spoke", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long each turn is measured; default: 120")
    parser.add_argument("--turns", type=int, default=2, help="how often it is watched; default: 2")
    return parser.parse_args()


def main() -> int:
    options = _options()
    added, first, alone, series = [], [], [], 0
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(NodeExporter())
        server = stack.enter_context(Prometheus(_config(exporter)))
        server.wait_for("node_load1")
        hub = stack.enter_context(Hub())
        client = stack.enter_context(hub.client())
        for turn in range(1, options.turns + 1):
            unwatched = _left_alone(server, options.seconds)
            at_first, watched, series = _watched(client, server, options.seconds)
            print(f"  turn {turn}: {unwatched:.2f} % alone, {watched:.2f} % watched", flush=True)
            alone.append(unwatched)
            added.append(watched - unwatched)
            first.append(at_first - unwatched)
    told("spoke, in its first 30 s", max(first), " % of a core more")
    note = f"over {statistics.median(alone):.2f} % alone; {NODES} nodes, {series} series watched"
    return 0 if at_most("spoke, added while watched", statistics.median(added), BOUND_PERCENT, " %", note) else 1


if __name__ == "__main__":
    sys.exit(main())
