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
ROLLOUT = "Rollout of web 4.1"
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
nodes:
  - {kind: service, cluster: shop, name: web, calls: orders, runs_on: node-web}
  - {kind: service, cluster: shop, name: orders, calls: database, runs_on: node-orders}
  - {kind: service, cluster: shop, name: database, runs_on: node-database}
  - {kind: node, cluster: shop, names: [node-web, node-orders, node-database]}
"""


@dataclass
class Shop:
    """Three services in a chain, scraped by a Prometheus that tells an Alertmanager, watched by a hub."""

    hub: Hub
    client: httpx.Client
    exporter: Exporter
    cluster_id: str

    def slow_down(self) -> None:
        """From now on the database takes its time; minutes ago somebody deployed the web front, which is innocent."""
        rollout = {
            "cluster_id": self.cluster_id,
            "kind": "DEPLOYMENT",
            "title": ROLLOUT,
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
