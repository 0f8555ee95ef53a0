"""As much of an Alertmanager, and of a Prometheus with a GPU, as a furnished hub is asked for."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.lab.served import Served

GPU_NODE = "gpu-furnished"
_LATER, _EARLIER = "2036-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"


class MonitoringPeer(Served):
    """Silences are kept under whatever id they are asked by."""

    silence_id = str(uuid4())

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/api/v2/alerts", _answer([]))
        application.router.add_get("/api/v2/silences", _answer([_silence(self.silence_id)]))
        application.router.add_post("/api/v2/silences", _answer({"silenceID": self.silence_id}))
        application.router.add_get("/api/v2/silence/{id}", _answer(_silence(self.silence_id)))
        application.router.add_delete("/api/v2/silence/{id}", _answer({}))
        application.router.add_get("/api/v1/rules", _answer(_data({"groups": []})))
        application.router.add_post("/api/v1/query", _query)
        return application


def _answer(body: Any) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    return answer


async def _query(request: web.Request) -> web.Response:
    form = await request.post()
    labels = {"__name__": "DCGM_FI_DEV_GPU_TEMP", "Hostname": GPU_NODE, "gpu": "0"}
    found = [{"metric": labels, "value": [time.time(), "61"]}] if "DCGM" in str(form.get("query")) else []
    return web.json_response(_data({"resultType": "vector", "result": found}))


def _data(data: Any) -> Any:
    return {"status": "success", "data": data}


def _silence(silence_id: str) -> Any:
    return {
        "id": silence_id,
        "status": {"state": "active"},
        "matchers": [{"name": "owner", "value": "furnished", "isRegex": False, "isEqual": True}],
        "startsAt": _EARLIER,
        "endsAt": _LATER,
        "updatedAt": _EARLIER,
        "createdBy": "ann",
        "comment": "furnished",
    }
