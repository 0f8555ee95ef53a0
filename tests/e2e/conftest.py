"""One plant for the tests of the story: its fault begins once, under the eyes of a WebSocket reader and a browser."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.browser import Browser, browser_missing
from tests.e2e.rig import JSON, LiveReader, is_event, wait_until
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


def _has_learned(client: httpx.Client, cluster_id: str) -> bool:
    reply = client.get("/api/v1/expectations", params={"cluster_id": cluster_id})
    reply.raise_for_status()
    rows = reply.json()["items"]
    of_node = [row for row in rows if row["watch"] == "node_cpu"]
    return len(of_node) == 3 and all(row["expected"] is not None for row in rows)
