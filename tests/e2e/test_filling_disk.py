"""A disk of the lab that fills, scraped by a real Prometheus: the hub says when it will be full."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime

import httpx
import pytest

from tests.e2e.rig import JSON, items, wait_until
from tests.lab.exporters import Exporter, chain
from tests.lab.hub import Hub, add_cluster
from tests.lab.packages import lab_available
from tests.lab.servers import Prometheus
from tests.lab.world import Fault, FaultKind, FaultScript, World

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]

NODE = "node-database"
QUIET_S, GIB_A_MINUTE, GIB = 300.0, 2.0, 2**30


def _foreseen(client: httpx.Client, cluster_id: str) -> list[JSON]:
    found = items(client, "/api/v1/forecasts", cluster_id=cluster_id, outlook="CROSSES")
    return [one for one in found if one["target"] == "disk_space"]


def test_the_hub_tells_when_a_disk_will_be_full_once_a_third_of_its_room_is_gone() -> None:
    script = FaultScript([Fault(FaultKind.DISK_FILL, NODE, QUIET_S, strength=GIB_A_MINUTE)])
    world = World(chain(), script=script)
    room = (world.nodes[NODE].disk_size - world.nodes[NODE].disk_used) / GIB
    fills_s = room / GIB_A_MINUTE * 60
    with ExitStack() as stack:
        exporter = stack.enter_context(Exporter(world, past_s=QUIET_S + fills_s / 3))
        full_at = time.time() + fills_s * 2 / 3
        prometheus = stack.enter_context(Prometheus(exporter.prometheus_config(1.0), past=exporter.past(5.0)))
        hub = stack.enter_context(Hub({"AIOPS_WATCH_HOST": "false"}))
        client = stack.enter_context(hub.client())
        cluster = add_cluster(client, "plant", prometheus.url)["id"]
        wait_until(lambda: _foreseen(client, cluster), "a forecast of the disk", 240)
        (found,) = _foreseen(client, cluster)
        whole: JSON = client.get(f"/api/v1/forecasts/{found['id']}").json()
    assert NODE in found["subject"]
    assert found["warned_at"] is not None
    told = datetime.fromisoformat(found["crosses_at"]).timestamp()
    left_s = fills_s * 2 / 3
    print(f"full in {left_s:.0f} s, foreseen {found['sentence']}")
    assert abs(told - full_at) < 0.15 * left_s
    assert whole["history"][-1][1] == pytest.approx(found["value"])
    assert whole["path"][-1][1] <= 1.0
