"""RSS of a hub, its PostgreSQL left out, that watches three clusters for ten minutes: at most 250 MB.

`aiops serve` as it comes, this machine watched too; three real Prometheus with an hour behind them, each scraping 15
nodes and 15 services of the lab. Memory of the hub's process and of what it starts besides PostgreSQL, every 10 s. The
local model, which `make run` does not install, is left out: `bench semantic` says what it takes.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time

import httpx
import numpy as np
import psutil

from bench.verdict import at_most
from tests.lab.exporters import Exporter, chain
from tests.lab.hub import Hub, add_cluster
from tests.lab.servers import Prometheus
from tests.lab.world import World

TAKES = "11 min"
CLUSTERS, CHAINS, EVERY_S, BOUND_MB = 3, 5, 10.0, 250.0
_MB = 1e6
_PAST_S = 3600.0


def _watched_cluster(stack: contextlib.ExitStack, seed: int) -> str:
    """The URL of a Prometheus that has seen an hour of a plant of its own."""
    services = [service for number in range(CHAINS) for service in chain(f"c{seed}-{number}-")]
    exporter = stack.enter_context(Exporter(World(services, seed=seed), past_s=_PAST_S))
    return stack.enter_context(Prometheus(exporter.prometheus_config(5.0), past=exporter.past(15.0))).url


def _memory(pid: int) -> tuple[float, float]:
    """RSS and USS in MB of the hub and its children but for PostgreSQL."""
    rss = uss = 0.0
    for process in _own_processes(psutil.Process(pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found = process.memory_full_info()
            rss, uss = rss + found.rss / _MB, uss + found.uss / _MB
    return rss, uss


def _own_processes(process: psutil.Process) -> list[psutil.Process]:
    found = [process]
    for child in process.children():
        if "postgres" not in child.name():
            found += _own_processes(child)
    return found


def _watch(pid: int, minutes: float) -> list[tuple[float, float, float]]:
    """Minutes since the start, RSS and USS, as they went."""
    found, began = [], time.monotonic()
    while (since := time.monotonic() - began) <= minutes * 60:
        found.append((since / 60, *_memory(pid)))
        if len(found) % 6 == 1:
            print(f"  {since / 60:4.1f} min: RSS {found[-1][1]:.0f} MB, USS {found[-1][2]:.0f} MB", flush=True)
        time.sleep(EVERY_S - (time.monotonic() - began) % EVERY_S)
    return found


def _series(client: httpx.Client) -> int:
    reply = client.get("/api/v1/expectations")
    reply.raise_for_status()
    return len(reply.json()["items"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the clusters are watched; default: 10")
    return parser.parse_args()


def main() -> int:
    minutes = _options().minutes
    with contextlib.ExitStack() as stack:
        urls = [_watched_cluster(stack, seed) for seed in range(CLUSTERS)]
        hub = stack.enter_context(Hub({"AIOPS_WATCH_HOST": "true", "AIOPS_EMBEDDINGS": "off"}))
        client = stack.enter_context(hub.client())
        print(f"  ready, before any cluster: RSS {_memory(hub.pid)[0]:.0f} MB", flush=True)
        for number, url in enumerate(urls):
            add_cluster(client, f"bench-{number}", url)
        found = np.array(_watch(hub.pid, minutes))
        series = _series(client)
    late = found[len(found) // 2 :]
    slope = np.polyfit(late[:, 0], late[:, 1], 1)[0] if len(late) > 2 else float("nan")
    note = f"{series} series watched for {minutes:g} min; USS {found[:, 2].max():.0f} MB; "
    note += f"in the second half {slope:+.2f} MB a minute"
    return 0 if at_most("memory, highest RSS", float(found[:, 1].max()), BOUND_MB, " MB", note) else 1


if __name__ == "__main__":
    sys.exit(main())
