"""A switch fails and thousands of alerts come: one incident, about the switch, and no alert lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.e2e.inside import database_of
from tests.e2e.rig import items, wait_until
from tests.lab import storm
from tests.lab.hub import Hub, add_source


@contextmanager
def hub_of_the_plant() -> Iterator[tuple[Hub, httpx.Client, dict[str, str]]]:
    """A hub that knows four clusters and what hangs on which switch; with the tokens of their Alertmanagers."""
    with Hub() as hub, hub.client() as admin:
        tokens = {}
        for name in storm.names():
            cluster = admin.post("/api/v1/clusters", json={"name": name, "platform": "HOST"}).json()
            tokens[name] = add_source(admin, f"am-{name}", cluster["id"])["token"]
        applied = admin.post("/api/v1/topology/apply", json={"content": storm.topology(), "name": "network"})
        assert applied.is_success, applied.text
        yield hub, admin, tokens


def members(hub: Hub) -> list[tuple[str, str]]:
    with database_of(hub) as connection:
        rows = connection.execute(
            "SELECT cluster_id::text, fingerprint FROM intelligence.incident_alert a"
            " JOIN observability.alert USING (cluster_id, fingerprint)"
        )
        return [(str(row[0]), str(row[1])) for row in rows]


def ranked(admin: httpx.Client, incident_id: str) -> dict[str, Any] | None:
    detail: dict[str, Any] = admin.get(f"/api/v1/incidents/{incident_id}").json()
    return detail if detail["causes"] else None


def it_is_one_incident(count: int, seconds: float) -> None:
    told = storm.alerts(count)
    assert len(told) == count
    with hub_of_the_plant() as (hub, admin, tokens):
        began = storm.send(hub.url, tokens, told, seconds)
        sent_at = time.time()
        wait_until(lambda: len(members(hub)) >= count, "all alerts in incidents", 180)
        caught_up = time.time() - sent_at
        found = members(hub)
        assert len(found) == len(set(found)) == count
        incidents = [one for one in items(admin, "/api/v1/incidents", order="IMPACT") if one["alert_count"]]
        main: dict[str, Any] = incidents[0]
        opened = datetime.fromisoformat(main["detected_at"]).timestamp() - began
        sizes = [one["alert_count"] for one in incidents]
        print(f"{count} alerts in {sent_at - began:.0f} s: {sizes}, opened {opened:.1f} s, caught up {caught_up:.1f} s")
        assert len(incidents) <= 3
        assert sum(sizes) == count
        assert main["title"] == "network: switch-7 down, 4 clusters, 212 workloads"
        assert main["suspect"]["name"] == "switch-7"
        assert opened < 10
        detail = wait_until(lambda: ranked(admin, main["id"]), "the ranked causes")
        assert detail["causes"][0]["subject"] == "switch-7"
        assert all(alert["reason"] for alert in detail["alerts"])


def test_a_small_storm_is_one_incident_about_the_switch_and_no_alert_is_lost() -> None:
    it_is_one_incident(1_100, 6)


@pytest.mark.soak
def test_eleven_thousand_alerts_in_a_minute_are_one_incident_and_none_is_lost() -> None:
    it_is_one_incident(11_000, 60)
