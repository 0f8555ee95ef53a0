"""The lab's latency scenario, live: the database gets slow, and so do the services in front of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from tests.lab.demo import alerting_config, webhook_config
from tests.lab.exporters import Exporter, chain
from tests.lab.hub import Hub, add_cluster, add_source
from tests.lab.servers import Alertmanager, Prometheus
from tests.lab.world import FaultKind, World

CULPRIT = "database"
_SLOWER = 60.0
_PAST_S, _SCRAPE_S = 1500.0, 1.0

_RULES = """groups:
  - name: shop
    rules:
      - alert: ServiceSlow
        expr: >-
          histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[20s]))) > 0.3
        for: 2s
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.service }} answers slowly"}
"""

_TOPOLOGY = """name: shop
edges:
  - {from: {kind: service, cluster: shop, name: web}, to: {kind: service, cluster: shop, name: orders}, kind: calls}
  - {from: {kind: service, cluster: shop, name: orders}, to: {kind: service, cluster: shop, name: database}, kind: calls}
  - {from: {kind: service, cluster: shop, name: web}, to: {kind: node, cluster: shop, name: node-web}, kind: runs_on}
  - {from: {kind: service, cluster: shop, name: orders}, to: {kind: node, cluster: shop, name: node-orders}, kind: runs_on}
  - {from: {kind: service, cluster: shop, name: database}, to: {kind: node, cluster: shop, name: node-database},
     kind: runs_on}
"""


@dataclass
class Shop:
    """Three services in a chain, scraped by a Prometheus that tells an Alertmanager, watched by a hub."""

    hub: Hub
    client: httpx.Client
    exporter: Exporter
    cluster_id: str

    def bands(self) -> int | None:
        """How many series of latency have an expected band, once all three do."""
        rows = self.client.get("/api/v1/expectations", params={"cluster_id": self.cluster_id}).json()["items"]
        known = [row for row in rows if row["watch"] == "service_duration" and row["expected"] is not None]
        return len(known) if len(known) == 3 else None

    def slow_down(self) -> None:
        """From now on the database takes its time; minutes ago somebody deployed the web front, which is innocent."""
        rollout = {
            "cluster_id": self.cluster_id,
            "kind": "DEPLOYMENT",
            "title": "Rollout of web 4.1",
            "service": "web",
            "at": (datetime.now(UTC) - timedelta(minutes=4)).isoformat(),
        }
        self.client.post("/api/v1/changes", json=rollout).raise_for_status()
        self.exporter.begin(FaultKind.LATENCY, CULPRIT, _SLOWER)


@contextlib.contextmanager
def shop() -> Iterator[Shop]:
    """All of it is well, and stopped at the end."""
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(Hub())
        client = stack.enter_context(hub.client())
        exporter = stack.enter_context(Exporter(World(chain()), past_s=_PAST_S))
        config = exporter.prometheus_config(_SCRAPE_S)
        prometheus = stack.enter_context(Prometheus(config, past=exporter.past()))
        prometheus.wait_for(f"count(time() - timestamp(up) < {2 * _SCRAPE_S}) == {len(exporter.instances)}")
        cluster = add_cluster(client, "shop", prometheus.url)
        client.post("/api/v1/topology/apply", json={"content": _TOPOLOGY, "name": "shop"}).raise_for_status()
        token = add_source(client, "alertmanager", cluster["id"])["token"]
        alertmanager = stack.enter_context(Alertmanager(webhook_config(hub.url, token)))
        prometheus.configure(config + alerting_config(alertmanager.target), {"rules.yml": _RULES})
        yield Shop(hub, client, exporter, cluster["id"])
