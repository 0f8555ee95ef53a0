"""Signing in and out, and one's own account."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from aiops.gateway.http.middleware import presented_token, signed_in_of
from aiops.gateway.ports import User
from aiops.gateway.service import AuthService
from aiops.kernel.audit import AUDITED
from aiops.kernel.errors import PermissionDenied, Unauthenticated
from aiops.kernel.http import SESSION_COOKIE, Caller, same_origin
from aiops.kernel.principal import Role


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    username: str
    password: str


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current_password: str
    new_password: str


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`clusters` is the scope: `null` sees every cluster, a list sees only its members."""

    username: str
    password: str
    role: Role
    clusters: list[UUID] | None = None


class LoginReply(msgspec.Struct, frozen=True):
    access_token: str
    token_type: str
    expires_at: datetime
    user: User


class UserList(msgspec.Struct, frozen=True):
    items: list[User]


class AuthController(Controller):
    path = "/api/v1"
    tags = ("gateway",)

    @post("/auth/login", opt={"public": True, AUDITED: True}, status_code=200, summary="Sign in")
    @inject
    async def login(
        self, data: JSONBody[Credentials], request: Request[Any, Any, Any], auth: FromDishka[AuthService]
    ) -> Response[LoginReply]:
        """Gives a bearer token, and the same session as a cookie for the console."""
        if "origin" in request.headers and not same_origin(request):
            raise PermissionDenied("Sign in from the console's own page.", code="CSRF_FAILED")
        login = await auth.login(data.username, data.password)
        return Response(
            LoginReply(login.token, "bearer", login.expires_at, login.user),
            cookies=[_cookie(request, login.token, login.lifetime_s)],
            headers={"Cache-Control": "no-store"},
        )

    @post(
        "/auth/logout",
        opt={"may_change_password": True},
        status_code=204,
        summary="Sign out",
        responses={204: ResponseSpec(None, description="The session has ended, and its cookie with it")},
    )
    @inject
    async def logout(self, request: Request[Any, Any, Any], auth: FromDishka[AuthService]) -> Response[None]:
        token, _ = presented_token(request)
        if token:
            await auth.logout(token)
        return Response(None, status_code=204, cookies=[_cookie(request, "", 0)])

    @get("/auth/me", opt={"may_change_password": True}, summary="Who am I")
    async def me(self, request: Request[Any, Any, Any]) -> User:
        user = signed_in_of(request.scope).user
        if user is None:
            raise Unauthenticated("This token speaks for no user.")
        return user

    @post("/auth/password", opt={"may_change_password": True}, status_code=204, summary="Change one's password")
    @inject
    async def change_password(
        self, data: JSONBody[PasswordChange], principal: Caller, auth: FromDishka[AuthService]
    ) -> None:
        """Every session of the user ends; sign in again with the new password."""
        await auth.change_password(principal, data.current_password, data.new_password)

    @get("/users", summary="List users")
    @inject
    async def users(self, principal: Caller, auth: FromDishka[AuthService]) -> UserList:
        return UserList(await auth.users(principal))

    @post("/users", summary="Add a user")
    @inject
    async def add_user(self, data: JSONBody[NewUser], principal: Caller, auth: FromDishka[AuthService]) -> User:
        """The user changes the password at the first sign-in."""
        return await auth.add_user(
            principal, data.username, data.password, data.role, data.clusters, must_change_password=True
        )


def _cookie(request: Request[Any, Any, Any], value: str, max_age: int) -> Cookie:
    return Cookie(
        SESSION_COOKIE,
        value=value,
        path="/",
        max_age=max_age,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
