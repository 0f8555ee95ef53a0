"""The audit trail: every change by a request is told once, with who and from where, and no secret."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from aiops.gateway.ports import User
from aiops.gateway.service import AuthService
from aiops.kernel.database import Database
from aiops.kernel.principal import Principal, Role
from tests.gateway.conftest import PASSWORD, SignIn

Hub = AsyncTestClient[Litestar]
CLUSTER = {"name": "east", "prometheus_url": "http://prometheus.invalid:9090", "platform": "KUBERNETES"}


async def trail(hub: Hub, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    reply = await hub.get("/api/v1/audit", headers=headers, params=query)
    assert reply.status_code == 200, reply.text
    items: list[dict[str, Any]] = reply.json()["items"]
    return items


async def test_a_change_is_written_with_who_did_it_and_none_of_its_secrets(
    hub: Hub, admin: User, sign_in: SignIn
) -> None:
    headers = await sign_in(admin)
    secret = {"kind": "BEARER", "token": "s3cret-token"}
    made = await hub.post("/api/v1/clusters", headers=headers, json={**CLUSTER, "credentials": secret})
    assert made.status_code == 201, made.text
    east = made.json()["id"]
    user = {"username": "bob", "password": "a long enough one", "role": "viewer", "clusters": [east]}
    assert (await hub.post("/api/v1/users", headers=headers, json=user)).status_code == 201
    assert (await hub.post("/api/v1/users", headers=headers, json=user)).status_code == 409, "which changes nothing"
    added, registered, signed_in = await trail(hub, headers)
    assert (added["action"], added["who"], added["outcome"]) == ("Add a user", "root", "DONE")
    assert added["details"]["username"] == "bob"
    assert (added["details"]["password"], added["details"]["clusters"]) == ("given", east)
    assert (registered["events"], registered["cluster_ids"]) == (["CLUSTER_REGISTERED"], [east])
    assert registered["source"]
    assert (signed_in["action"], signed_in["who"], signed_in["details"]) == ("Sign in", "root", {})
    everything = (await hub.get("/api/v1/audit", headers=headers)).text
    assert not [word for word in ("s3cret", "long enough", PASSWORD) if word in everything]
    assert [one["action"] for one in await trail(hub, headers, q="bob")] == ["Add a user"]
    assert len(await trail(hub, headers, cluster_id=east)) == 1


async def test_what_was_refused_is_told_too_and_only_admins_read_it_within_their_scope(
    hub: Hub, admin: User, viewer: User, auth: AuthService, sign_in: SignIn
) -> None:
    headers = await sign_in(admin)
    east = (await hub.post("/api/v1/clusters", headers=headers, json=CLUSTER)).json()["id"]
    looking = await sign_in(viewer)
    assert (await hub.post("/api/v1/clusters", headers=looking, json=CLUSTER)).status_code == 403
    wrong = await hub.post("/api/v1/auth/login", json={"username": "viewer", "password": "wrong"})
    assert wrong.status_code == 401
    refused = await trail(hub, headers, outcome="REFUSED")
    assert {one["who"] for one in refused} == {"viewer"}
    assert (len(refused), refused[0]["action"]) == (2, "Sign in")
    assert (await hub.get("/api/v1/audit", headers=looking)).status_code == 403
    limited = await auth.add_user(
        Principal.system("test"), "eve", PASSWORD, Role.ADMIN, [east], must_change_password=False
    )
    assert [one["cluster_ids"] for one in await trail(hub, await sign_in(limited))] == [[east]]


async def test_nobody_changes_the_trail(hub: Hub, admin: User, sign_in: SignIn, database: Database) -> None:
    await sign_in(admin)
    for change in ("UPDATE kernel.audit SET who = 'me'", "DELETE FROM kernel.audit"):
        async with database.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="only ever added to"):
                await connection.execute(text(change))
