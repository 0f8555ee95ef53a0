"""`/metrics` is open to all and stands in no OpenAPI document, so that no walk over it comes by."""

from __future__ import annotations

from litestar import Litestar
from litestar.testing import AsyncTestClient

from aiops.gateway.ports import User
from tests.gateway.conftest import SignIn


async def test_the_hubs_own_metrics_tell_a_stranger_of_no_cluster(
    hub: AsyncTestClient[Litestar], admin: User, sign_in: SignIn
) -> None:
    headers = await sign_in(admin)
    body = {"name": "nobodys-business", "platform": "HOST"}
    made = (await hub.post("/api/v1/clusters", json=body, headers=headers)).json()
    for path in (f"/api/v1/clusters/{made['id']}", "/api/v1/clusters/by-name/nobodys-business"):
        assert (await hub.get(path, headers=headers)).status_code == 200
    told = (await hub.get("/metrics")).text
    assert 'route="/api/v1/clusters/{cluster_id}"' in told
    assert "nobodys-business" not in told
    assert made["id"] not in told
