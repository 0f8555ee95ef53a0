"""GPUs and clocks of a cluster, from their exporters through a real Prometheus to the pages and the detectors."""

from __future__ import annotations

import pytest

from tests.e2e.rig import LiveReader, is_event, items, wait_until
from tests.lab.devices import Devices
from tests.lab.hub import Hub, add_cluster
from tests.lab.packages import lab_available
from tests.lab.servers import Prometheus, scrape_config

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]


def test_devices_are_shown_watched_and_told_of_live() -> None:
    with (
        Devices() as devices,
        Prometheus(scrape_config("none", {}, 1.0) + devices.scrape_jobs()) as server,
        Hub() as hub,
        hub.client() as admin,
    ):
        server.wait_for("DCGM_FI_DEV_GPU_TEMP and on() openshift_ptp_offset_ns")
        with LiveReader(admin) as reader:
            cluster = add_cluster(admin, "telco", server.url)
            reader.wait_for(is_event("METRIC_UPDATE"), "news of the metrics")
            told = reader.wait_for(is_event("GPU_UPDATE"), "news of the GPUs")
        assert (told["cluster_id"], told["payload"]["gpus"]) == (cluster["id"], 2)
        watched = {"gpu_temperature", "gpu_utilization", "gpu_memory", "ptp_offset"}
        wait_until(
            lambda: watched <= {one["watch"] for one in items(admin, "/api/v1/expectations", cluster_id=cluster["id"])},
            "the detectors' look at the devices",
        )
        node = admin.get("/api/v1/gpu/nodes/telco/gpu-1").json()
        assert [gpu["temperature_celsius"] for gpu in node["gpus"]] == [61.0, 35.0]
        reply = admin.get("/api/v1/cnf/ptp/status")
        assert (reply.status_code, reply.json()["counts"]["LOCKED"]) == (200, 1)
