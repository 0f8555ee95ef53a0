"""One plant for the tests of the story: its fault begins once, under the eyes of a WebSocket reader and a browser."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from tests.e2e.browser import Browser, browser_missing
from tests.e2e.rig import JSON, LiveReader, is_event, items, wait_until
from tests.lab.exporters import Exporter, chain
from tests.lab.hub import Hub, add_cluster
from tests.lab.servers import Prometheus
from tests.lab.world import FaultKind, World

NODE = "node-database"
_PAST_S = 1500.0
_SCRAPE_S = 1.0


class Story:
    """A watched cluster and who looks on; the fault begins when somebody first asks for what came of it."""

    def __init__(
        self,
        exporter: Exporter,
        prometheus: Prometheus,
        client: httpx.Client,
        live: LiveReader,
        browser: Browser | None,
        cluster: JSON,
    ) -> None:
        self.exporter = exporter
        self.prometheus = prometheus
        self.client = client
        self.browser = browser
        self.cluster = cluster
        self.began = 0.0
        self._live = live
        self._opened: JSON = {}
        self._ranked: JSON = {}

    def opened(self) -> JSON:
        """The frame of INCIDENT_OPENED, with `came_at`."""
        if not self._opened:
            if self.browser:
                self.browser.open_incidents()
            self.began = self.exporter.begin(FaultKind.CPU_HOG, NODE, 0.8)
            self._live.wait_for(is_event("ANOMALY_DETECTED"), "an anomaly", 120)
            self._opened = self._live.wait_for(is_event("INCIDENT_OPENED"), "an incident", 30)
        return self._opened

    def ranked(self) -> JSON:
        """The frame of RCA_COMPLETE that followed."""
        opened = self.opened()
        if not self._ranked:
            self._ranked = self._live.wait_for(is_event("RCA_COMPLETE"), "a ranked cause", 30)
        assert self._ranked["payload"]["incident_id"] == opened["payload"]["incident_id"]
        return self._ranked

    def frames(self, event_type: str) -> list[JSON]:
        return [frame for frame in self._live.frames if is_event(event_type)(frame)]


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(Exporter(World(chain()), past_s=_PAST_S))
        past = exporter.past()
        prometheus = stack.enter_context(Prometheus(exporter.prometheus_config(_SCRAPE_S), past=past))
        hub = stack.enter_context(Hub())
        client = stack.enter_context(hub.client())
        prometheus.wait_for(f"count(time() - timestamp(up) < {2 * _SCRAPE_S}) == 6")
        cluster = add_cluster(client, "shop", prometheus.url)
        began = time.monotonic()
        wait_until(lambda: _has_learned(client, cluster["id"]), "an expected band for every node's CPU")
        print(f"bands after {time.monotonic() - began:.1f} s;", end=" ")
        live = stack.enter_context(LiveReader(client))
        browser = None if browser_missing() else stack.enter_context(Browser(hub.url))
        yield Story(exporter, prometheus, client, live, browser, cluster)


class ErrorBurst(NamedTuple):
    """The incident of a cluster where a service fails 40 % of its requests, and the one that calls it half of that."""

    culprit: str
    incident: JSON


@pytest.fixture(scope="module")
def error_burst(story: Story) -> Iterator[ErrorBurst]:
    """On a second cluster of the story's hub, with a topology brought in from a file."""
    with contextlib.ExitStack() as stack:
        services = [dataclasses.replace(one, passes_on=0.5) for one in chain("books-")]
        exporter = stack.enter_context(Exporter(World(services, seed=2), past_s=_PAST_S))
        past = exporter.past()
        prometheus = stack.enter_context(Prometheus(exporter.prometheus_config(_SCRAPE_S), past=past))
        cluster: str = add_cluster(story.client, "books", prometheus.url)["id"]
        edges = [
            f"  - {{from: {{kind: service, cluster: books, name: {one.name}}}, kind: calls,"
            f" to: {{kind: service, cluster: books, name: {needed}}}}}"
            for one in services
            for needed in one.needs
        ]
        nodes = f"  - {{kind: service, cluster: books, names: [{', '.join(one.name for one in services)}]}}"
        content = "\n".join(["nodes:", nodes, "edges:", *edges, ""])
        applied = story.client.post("/api/v1/topology/apply", json={"content": content, "name": "books"})
        assert applied.is_success, applied.text
        wait_until(lambda: _has_learned(story.client, cluster), "an expected band for every node's CPU")
        exporter.begin(FaultKind.ERROR_BURST, "books-orders", 0.4)
        incident = wait_until(lambda: _ranked_with(story.client, cluster, "books-web"), "an incident of what fails", 60)
        yield ErrorBurst("books-orders", incident)


def _ranked_with(client: httpx.Client, cluster_id: str, service: str) -> JSON | None:
    """The incident in whose ranking this service is, at whatever place."""
    for one in items(client, "/api/v1/incidents", cluster_id=cluster_id):
        incident: JSON = client.get(f"/api/v1/incidents/{one['id']}").json()
        if service in {cause["subject"] for cause in incident["causes"]}:
            return incident
    return None


def _has_learned(client: httpx.Client, cluster_id: str) -> bool:
    reply = client.get("/api/v1/expectations", params={"cluster_id": cluster_id})
    reply.raise_for_status()
    rows = reply.json()["items"]
    of_node = [row for row in rows if row["watch"] == "node_cpu"]
    return len(of_node) == 3 and all(row["expected"] is not None for row in rows)
