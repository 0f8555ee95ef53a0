"""Alerts of other vendors through the whole hub, over HTTP, each bound by its source's token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aiops.app import create_app
from aiops.kernel.database import Database
from aiops.kernel.principal import Role
from aiops.settings import Settings
from tests.contracts.test_alert_formats import GRAFANA, HOMEGROWN, SETTINGS
from tests.observability.test_sources_http import signed_in


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[AsyncTestClient[Litestar]]:
    settings = Settings(data_dir=tmp_path, watch_host=False, offer_local_prometheus=False)
    async with AsyncTestClient(create_app(settings, database_url)) as client:
        yield client


async def test_alerts_of_any_form_arrive_alike_and_keep_their_original(
    hub: AsyncTestClient[Litestar], database: Database
) -> None:
    admin = await signed_in(hub, database, Role.ADMIN)
    cluster = (await hub.post("/api/v1/clusters", json={"name": "east", "platform": "HOST"}, headers=admin)).json()
    wish = {"name": "shop", "cluster_id": cluster["id"], "alert_settings": {"json": SETTINGS}}
    made = await hub.post("/api/v1/sources", json=wish, headers=admin)
    assert made.status_code == 201, made.text
    source = {"Authorization": f"Bearer {made.json()['token']}"}
    for form, body in (("json", HOMEGROWN), ("grafana", GRAFANA)):
        taken = await hub.post(f"/api/v1/alerts/webhook/{form}", json=body, headers=source)
        assert (taken.status_code, taken.json()) == (200, {"accepted": 1}), taken.text
    listed = (await hub.get("/api/v1/alerts", headers=admin)).json()["items"]
    assert sorted((one["name"], one["source"], one["severity"]) for one in listed) == [
        ("High memory usage", "grafana", "MEDIUM"),
        ("disk", "json", "CRITICAL"),
    ]
    (disk,) = [one for one in listed if one["name"] == "disk"]
    path = f"/api/v1/alerts/{disk['fingerprint']}"
    whole = (await hub.get(path, params={"cluster_id": cluster["id"]}, headers=admin)).json()
    assert whole["original"]["payload"] == HOMEGROWN["events"][0]
    wrong = {**wish, "name": "other", "alert_settings": {"json": {"names": "x"}}}
    assert (await hub.post("/api/v1/sources", json=wrong, headers=admin)).status_code == 422
    assert (await hub.post("/api/v1/alerts/webhook/nagios", json={}, headers=source)).status_code == 404
    assert (await hub.post("/api/v1/alerts/webhook/grafana", json=GRAFANA, headers=admin)).status_code == 403
