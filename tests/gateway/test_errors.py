from __future__ import annotations

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aiops.gateway.ports import User
from tests.gateway.conftest import SignIn

Hub = AsyncTestClient[Litestar]

CASES = [
    ("GET", "/api/v1/clusters", None, False, 401, "AUTH_FAILED"),
    ("GET", "/api/v1/nothing-here", None, False, 404, "NOT_FOUND"),
    ("GET", "/api/v1/clusters/00000000-0000-0000-0000-000000000000", None, True, 404, "CLUSTER_NOT_FOUND"),
    ("PUT", "/api/v1/clusters", b"{}", True, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/api/v1/clusters/not-an-id", None, True, 404, "NOT_FOUND"),
    ("GET", "/api/v1/clusters?page_size=1000", None, True, 422, "VALIDATION_ERROR"),
    ("POST", "/api/v1/auth/login", b'{"username": ', False, 400, "MALFORMED_REQUEST"),
    ("POST", "/api/v1/auth/login", b'{"username": 1, "password": "x"}', False, 422, "VALIDATION_ERROR"),
    ("POST", "/api/v1/auth/login", b"x" * (11 * 1024 * 1024), False, 413, "PAYLOAD_TOO_LARGE"),
    ("POST", "/api/metrics", b"{}", True, 403, "PERMISSION_DENIED"),
]


@pytest.mark.parametrize(("method", "path", "body", "signed_in", "status", "code"), CASES)
async def test_every_error_comes_in_the_one_envelope(
    hub: Hub,
    admin: User,
    sign_in: SignIn,
    method: str,
    path: str,
    body: bytes | None,
    signed_in: bool,
    status: int,
    code: str,
) -> None:
    headers = await sign_in(admin) if signed_in else {}
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers |= {"Content-Type": "application/json", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    reply = await hub.request(method, path, content=body, headers=headers)
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["service"]
    assert error["timestamp"]
    assert error["trace_id"] == trace == reply.headers["x-trace-id"]


async def test_the_pages_of_the_hub_need_no_sign_in_and_tell_no_secret(hub: Hub) -> None:
    assert (await hub.get("/health")).json() == {"status": "ok"}
    assert (await hub.get("/ready")).json() == {"status": "ready"}
    assert "aiops_job_up" in (await hub.get("/metrics")).text
    assert (await hub.get("/schema/openapi.json")).json()["openapi"].startswith("3.1")
    assert "/api/v1/clusters" in (await hub.get("/schema")).text
    assert (await hub.get("/health/detailed")).status_code == 401


async def test_no_page_of_the_console_hides_a_missing_route(hub: Hub) -> None:
    assert (await hub.get("/health/nothing")).status_code == 404
    assert (await hub.get("/api/nothing")).status_code == 404
    assert (await hub.get("/metrics-explorer")).status_code in {200, 503}
