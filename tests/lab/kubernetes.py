"""A peer of the Kubernetes API, written from its published description: for tests, never for use.

It signs people in (tokens, client certificates), judges them by RBAC, pages its lists, forgets old pages, makes tokens
for service accounts and forwards to services. What OpenShift and ACM add are groups and objects like all others.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from aiops.kernel.tls import Tls
from aiops.registry.discovery.permissions import Resource
from tests.lab.authority import Authority
from tests.lab.rbac import AUTHENTICATED, MASTERS, Ask, Rbac, Who
from tests.lab.served import end

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ANONYMOUS = Who("system:anonymous", ("system:unauthenticated",))
_PUBLIC = ("/readyz", "/livez", "/healthz", "/version")
_REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired", 422: "Invalid", 405: "NotAllowed"}


@dataclass
class KubernetesPeer:
    """`faults` answers paths by handlers of the test; `expire` lets every page but the first of a list be gone, with or
    without a way to read on, `expire_times` times; `failing` holds the checks of the server that fail."""

    authority: Authority = field(default_factory=Authority)
    rbac: Rbac = field(default_factory=Rbac)
    version: str = "v1.34.2"
    objects: dict[Resource, list[dict[str, Any]]] = field(default_factory=dict)
    tokens: dict[str, Who] = field(default_factory=dict)
    failing: list[str] = field(default_factory=list)
    faults: dict[str, Handler] = field(default_factory=dict)
    services: dict[str, Handler] = field(default_factory=dict)
    expire: str | None = None
    expire_times: int = 1_000
    url: str = ""

    def __post_init__(self) -> None:
        self.seen: list[str] = []
        self.accepts: list[str] = []

    def add(self, resource: Resource, *objects: dict[str, Any]) -> None:
        self.objects.setdefault(resource, []).extend(objects)

    def serve(self, *resources: Resource) -> None:
        """Know these kinds, with no objects of them yet."""
        for resource in resources:
            self.objects.setdefault(resource, [])

    def trust(self) -> Tls:
        return Tls(ca_bundle=self.authority.pem)

    def account(self, name: str, *groups: str) -> str:
        """A token for this user."""
        token = f"token-{uuid.uuid4().hex}"
        self.tokens[token] = Who(name, (*groups, AUTHENTICATED))
        return token

    def admin(self) -> str:
        return self.account("admin", MASTERS)

    def service_account(self, namespace: str, name: str, expires_at: datetime | None = None) -> str:
        """A token that says whose it is, as those of service accounts do."""
        who = f"system:serviceaccount:{namespace}:{name}"
        claims: dict[str, Any] = {
            "sub": who,
            "jti": uuid.uuid4().hex,
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": "1"}},
        }
        if expires_at is not None:
            claims["exp"] = int(expires_at.timestamp())
        token = ".".join(_b64(part) for part in ({"alg": "none"}, claims, "signature"))
        self.tokens[token] = Who(who, ("system:serviceaccounts", AUTHENTICATED))
        return token

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        self.accepts.append(request.headers.get("Accept", ""))
        if request.path in self.faults:
            return await self.faults[request.path](request)
        who = self._who(request)
        if who is None:
            return status(401, "Unauthorized")
        if request.path in _PUBLIC:
            return self._public(request.path)
        if who is ANONYMOUS:
            return status(403, f'forbidden: User "{who.name}" cannot {request.method.lower()} path "{request.path}"')
        if request.path == "/apis":
            return web.json_response(self._groups())
        return await self._object(request, who)

    def _who(self, request: web.Request) -> Who | None:
        header = request.headers.get("Authorization")
        if header is not None:
            return self.tokens.get(header.removeprefix("Bearer "))
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        if certificate:
            subject = {key: value for part in certificate["subject"] for key, value in part}
            groups = (subject["organizationName"],) if "organizationName" in subject else ()
            return Who(subject["commonName"], (*groups, AUTHENTICATED))
        return ANONYMOUS

    def _public(self, path: str) -> web.Response:
        if path == "/version":
            return web.json_response(
                {"major": "1", "minor": "34", "gitVersion": self.version, "platform": "linux/amd64"}
            )
        if self.failing:
            lines = ["[+]ping ok", *(f"[-]{check} failed: reason withheld" for check in self.failing)]
            return web.Response(status=500, text="\n".join([*lines, "readyz check failed"]))
        return web.Response(text="ok")

    def _groups(self) -> dict[str, Any]:
        versions: dict[str, dict[str, None]] = {}
        for resource in self.objects:
            if resource.group:
                versions.setdefault(resource.group, {})[resource.version] = None
        for group in ("authorization.k8s.io", "authentication.k8s.io"):
            versions.setdefault(group, {})["v1"] = None
        groups = [
            {"name": name, "versions": [{"groupVersion": f"{name}/{one}", "version": one} for one in found]}
            for name, found in versions.items()
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    async def _object(self, request: web.Request, who: Who) -> web.StreamResponse:
        place = _place(request.path)
        if place is None:
            return web.Response(status=404, text="404 page not found\n")
        resource, namespace, name, rest = place
        verb = {"POST": "create", "GET": "get" if name else "list"}.get(request.method, request.method.lower())
        subresource = rest.split("/")[0]
        ask = Ask(verb, resource.group, resource.plural, namespace, name, subresource)
        if not self.rbac.allows(who, ask):
            return status(403, f'{resource.name} is forbidden: User "{who.name}" {ask}')
        if request.method == "POST":
            return await self._create(request, who, resource, ask)
        if resource.plural == "services" and subresource == "proxy":
            handler = self.services.get(f"{namespace}/{name}")
            return await handler(request) if handler else status(503, f'no endpoints available for service "{name}"')
        if resource not in self.objects:
            return web.Response(status=404, text="404 page not found\n")
        return self._get(resource, namespace, name) if name else self._list(request, resource, namespace)

    def _get(self, resource: Resource, namespace: str, name: str) -> web.Response:
        for found in self.objects[resource]:
            if found["metadata"]["name"] == name and found["metadata"].get("namespace", "") == namespace:
                return web.json_response({"kind": "Object", "apiVersion": "v1", **found})
        return status(404, f'{resource.name} "{name}" not found')

    def _list(self, request: web.Request, resource: Resource, namespace: str) -> web.Response:
        found = [one for one in self.objects[resource] if namespace in ("", one["metadata"].get("namespace", ""))]
        for chosen in filter(None, request.query.get("fieldSelector", "").split(",")):
            field_name, _, value = chosen.partition("=")
            found = [one for one in found if one.get(field_name) == value]
        limit = int(request.query.get("limit", "0")) or len(found) or 1
        start, consistent = 0, True
        if "continue" in request.query:
            start, consistent = json.loads(base64.urlsafe_b64decode(request.query["continue"]))
            if self.expire and self.expire_times > 0 and consistent:
                said = "The provided continue parameter is too old to display a consistent list result."
                token = {"continue": _token(start, False)} if self.expire == "readable" else {}
                self.expire_times -= 1
                return status(410, said, token)
        page = found[start : start + limit]
        metadata: dict[str, Any] = {"resourceVersion": "7"}
        if start + limit < len(found):
            metadata["continue"] = _token(start + limit, consistent)
        kind = "ObjectList"
        if "PartialObjectMetadataList" in request.headers.get("Accept", ""):
            kind, page = "PartialObjectMetadataList", [{"metadata": one["metadata"]} for one in page]
        return web.json_response({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": page})

    async def _create(self, request: web.Request, who: Who, resource: Resource, ask: Ask) -> web.Response:
        body = await request.json()
        if ask.resource == "selfsubjectaccessreviews":
            wanted = body["spec"]["resourceAttributes"]
            names = ("verb", "group", "resource", "namespace", "name", "subresource")
            allowed = self.rbac.allows(who, Ask(*(wanted.get(name, "") for name in names)))
            return web.json_response({**body, "status": {"allowed": allowed}}, status=201)
        if ask.resource == "selfsubjectrulesreviews":
            rules = self.rbac.rules(who, body["spec"]["namespace"])
            answer = {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}
            return web.json_response({**body, "status": answer}, status=201)
        if (ask.resource, ask.subresource) == ("serviceaccounts", "token"):
            return self._new_token(body, ask)
        if ask.name:
            return status(405, "the server does not allow this method on the requested resource")
        body["metadata"].setdefault("uid", str(uuid.uuid4()))
        self.add(resource, body)
        self.rbac.apply(body)
        return web.json_response(body, status=201)

    def _new_token(self, body: dict[str, Any], ask: Ask) -> web.Response:
        lasts = body["spec"].get("expirationSeconds", 3600)
        if lasts < 600:
            return status(422, "spec.expirationSeconds: may not specify a duration less than 10 minutes")
        # A cluster may cap what it gives out.
        expires = datetime.now(UTC) + timedelta(seconds=min(lasts, 86400))
        made = self.service_account(ask.namespace, ask.name, expires)
        answer = {"token": made, "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return web.json_response({**body, "status": answer}, status=201)


def status(code: int, message: str, metadata: dict[str, Any] | None = None) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": metadata or {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, "InternalError"),
        "code": code,
    }
    return web.json_response(body, status=code)


@asynccontextmanager
async def serving(peer: KubernetesPeer) -> AsyncIterator[KubernetesPeer]:
    """The peer on a port of its own, over TLS, with a certificate of its own authority."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=peer.authority.server_context()).start()
    peer.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield peer
    finally:
        await end(runner)


def named(name: str, namespace: str = "", labels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """An object of this name."""
    metadata: dict[str, Any] = {"name": name, "uid": str(uuid.uuid4())}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"metadata": metadata, **more}


def _place(path: str) -> tuple[Resource, str, str, str] | None:
    """Resource, namespace, name and what follows the name."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    if not rest:
        return None
    name = rest[1] if len(rest) > 1 else ""
    return Resource(group, version, rest[0]), namespace, name, "/".join(rest[2:])


def _token(start: int, consistent: bool) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, consistent]).encode()).decode()


def _b64(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
