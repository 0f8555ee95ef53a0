from __future__ import annotations

import asyncio
from uuid import UUID

from litestar import Litestar
from litestar.testing import AsyncTestClient

from aiops.gateway.ports import User
from aiops.gateway.service import AuthService
from aiops.kernel.principal import Principal, Role
from tests.gateway.conftest import PASSWORD, SignIn

Hub = AsyncTestClient[Litestar]


async def test_a_bearer_token_says_who_one_is(hub: Hub, admin: User, sign_in: SignIn) -> None:
    reply = await hub.get("/api/v1/auth/me", headers=await sign_in(admin))
    assert reply.status_code == 200
    assert reply.json()["username"] == "root"
    assert reply.json()["clusters"] is None


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(hub: Hub, admin: User) -> None:
    wrong = await hub.post("/api/v1/auth/login", json={"username": "root", "password": "wrong"})
    unknown = await hub.post("/api/v1/auth/login", json={"username": "nobody", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["error"]["message"] == unknown.json()["error"]["message"]


async def test_ten_failures_a_minute_close_the_door_for_a_while(hub: Hub, admin: User) -> None:
    for _ in range(10):
        await hub.post("/api/v1/auth/login", json={"username": "root", "password": "wrong"})
    reply = await hub.post("/api/v1/auth/login", json={"username": "root", "password": PASSWORD})
    assert reply.status_code == 429
    assert int(reply.headers["Retry-After"]) <= 60


async def test_a_session_ends_with_the_sign_out(hub: Hub, admin: User, sign_in: SignIn) -> None:
    headers = await sign_in(admin)
    assert (await hub.post("/api/v1/auth/logout", headers=headers)).status_code == 204
    assert (await hub.get("/api/v1/auth/me", headers=headers)).status_code == 401


async def test_the_cookie_of_the_console_is_closed_to_scripts_and_foreign_pages(hub: Hub, admin: User) -> None:
    login = await hub.post("/api/v1/auth/login", json={"username": "root", "password": PASSWORD})
    cookie = login.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()

    assert (await hub.get("/api/v1/auth/me")).status_code == 200
    foreign = await hub.post("/api/v1/auth/logout", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert foreign.json()["error"]["code"] == "CSRF_FAILED"
    own = await hub.post("/api/v1/auth/logout", headers={"Origin": "http://testserver.local"})
    assert own.status_code == 204


async def test_a_generated_password_must_be_changed_before_anything_else(
    hub: Hub, auth: AuthService, sign_in: SignIn
) -> None:
    user = await auth.add_user(Principal.system("test"), "fresh", PASSWORD, Role.ADMIN, None, must_change_password=True)
    headers = await sign_in(user)
    refused = await hub.get("/api/v1/clusters", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "PASSWORD_CHANGE_REQUIRED")

    change = {"current_password": PASSWORD, "new_password": "a better one, indeed"}
    assert (await hub.post("/api/v1/auth/password", json=change, headers=headers)).status_code == 204
    again = await hub.post("/api/v1/auth/login", json={"username": "fresh", "password": "a better one, indeed"})
    hub.cookies.clear()
    headers = {"Authorization": f"Bearer {again.json()['access_token']}"}
    assert (await hub.get("/api/v1/clusters", headers=headers)).status_code == 200


async def test_only_an_admin_of_the_whole_fleet_adds_users(
    hub: Hub, viewer: User, admin: User, sign_in: SignIn
) -> None:
    new = {"username": "new", "password": "a long enough one", "role": "viewer", "clusters": []}
    assert (await hub.post("/api/v1/users", json=new, headers=await sign_in(viewer))).status_code == 403
    assert (await hub.post("/api/v1/users", json=new, headers=await sign_in(admin))).status_code == 201
    assert (await hub.post("/api/v1/users", json=new, headers=await sign_in(admin))).status_code == 409


async def test_a_cluster_that_has_left_is_in_nobodys_scope_and_who_saw_it_alone_sees_nothing(
    hub: Hub, auth: AuthService, admin: User, sign_in: SignIn
) -> None:
    whole = await sign_in(admin)
    made = []
    for name in ("east", "west"):
        reply = await hub.post("/api/v1/clusters", json={"name": name, "platform": "HOST"}, headers=whole)
        made.append(reply.json()["id"])
    east, west = made
    system = Principal.system("test")
    one = await auth.add_user(system, "one", PASSWORD, Role.VIEWER, [UUID(east)], must_change_password=False)
    both = await auth.add_user(
        system, "both", PASSWORD, Role.VIEWER, [UUID(east), UUID(west)], must_change_password=False
    )
    limited, wider = await sign_in(one), await sign_in(both)
    assert (await hub.delete(f"/api/v1/clusters/{east}", headers=whole)).status_code == 204
    async with asyncio.timeout(10):
        while (await hub.get("/api/v1/auth/me", headers=limited)).json()["clusters"]:
            await asyncio.sleep(0.02)
    assert (await hub.get("/api/v1/auth/me", headers=limited)).json()["clusters"] == []
    assert (await hub.get("/api/v1/clusters", headers=limited)).json()["items"] == []
    assert (await hub.get("/api/v1/auth/me", headers=wider)).json()["clusters"] == [west]
