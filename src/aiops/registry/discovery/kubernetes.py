"""A small client of the Kubernetes API that only reads, but for asking about itself and renewing its own token."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.no_answer import NoAnswer
from aiops.kernel.outbound import Outbound
from aiops.registry.discovery.faults import (
    Busy,
    Expired,
    Forbidden,
    KubernetesFault,
    Missing,
    NotKubernetes,
    NotSignedIn,
    Refused,
    Unreached,
)
from aiops.registry.discovery.permissions import NODES, SERVICE_ACCOUNTS, Resource, Rule, rule_for
from aiops.registry.discovery.wire import Answer, Way, ask

T = TypeVar("T")

_PAGE = 500
# The description of a node is long: it holds its images.
_PAGES_OF = {NODES: 100}
_MOST_ITEMS = 20_000
_MOST_PAGES = 500
_MOST_RESTARTS = 3
_LONGEST_WAIT_S = 5.0
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_SECRETS = Resource("", "v1", "secrets")
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class Metadata(msgspec.Struct, frozen=True):
    name: str
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Named(msgspec.Struct, frozen=True):
    """Any object, of which only its name and labels matter."""

    metadata: Metadata


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """`complete` is False where the list was cut off at the most that the hub takes; `what` names it."""

    items: list[T]
    complete: bool = True
    what: str = ""


class NewToken(msgspec.Struct, frozen=True):
    """A token and when it ends. The token is secret: never log or show it."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"NewToken(***, {self.expires_at})"


class _Status(msgspec.Struct):
    kind: str = ""
    message: str = ""
    reason: str = ""
    metadata: dict[str, Any] | None = None


class _ListMetadata(msgspec.Struct):
    token: str | None = msgspec.field(name="continue", default=None)


class _List(msgspec.Struct, Generic[T]):
    kind: str
    metadata: _ListMetadata
    items: list[T] | None = None


class _Version(msgspec.Struct):
    git_version: str = msgspec.field(name="gitVersion")


class _GroupVersion(msgspec.Struct):
    version: str


class _Group(msgspec.Struct):
    name: str
    versions: list[_GroupVersion]


class _Groups(msgspec.Struct):
    kind: str
    groups: list[_Group]


class _ReviewStatus(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    kind: str
    status: _ReviewStatus


class _ResourceRule(msgspec.Struct):
    verbs: list[str]
    api_groups: list[str] | None = msgspec.field(name="apiGroups", default=None)
    resources: list[str] | None = None


class _Rules(msgspec.Struct):
    resource_rules: list[_ResourceRule] | None = msgspec.field(name="resourceRules", default=None)
    incomplete: bool = False


class _RulesReview(msgspec.Struct):
    kind: str
    status: _Rules


class _TokenStatus(msgspec.Struct):
    token: str
    expires_at: datetime = msgspec.field(name="expirationTimestamp")


class _TokenRequest(msgspec.Struct):
    kind: str
    status: _TokenStatus


class _Secret(msgspec.Struct):
    kind: str
    data: dict[str, str] | None = None


class Kubernetes:
    """The API behind one way. Every method raises a `KubernetesFault`."""

    def __init__(self, outbound: Outbound, clock: Clock, way: Way, *, timeout_s: float = 10.0) -> None:
        self._outbound = outbound
        self._clock = clock
        self._way = way
        self._timeout_s = timeout_s

    async def version(self) -> str:
        """As `v1.31.4`."""
        return (await self._get("/version", _Version, "GET /version")).git_version

    async def groups(self) -> dict[str, list[str]]:
        """The API groups that the cluster has, each with its versions, the preferred one first."""
        found = await self._get("/apis", _Groups, "GET /apis")
        return {group.name: [version.version for version in group.versions] for group in found.groups}

    async def every(
        self,
        resource: Resource,
        item: type[T],
        *,
        namespace: str | None = None,
        metadata_only: bool = False,
        fields: str | None = None,
    ) -> Listing[T]:
        """All objects of a kind, or those that a field selector chooses, page by page."""
        rule = rule_for(resource, "list", namespace)
        path = _path(resource, namespace)
        accept = _METADATA_ONLY if metadata_only else "application/json"
        items: list[T] = []
        chosen = {"fieldSelector": fields} if fields else {}
        token: str | None = None
        restarts = 0
        for _ in range(_MOST_PAGES):
            at_most = {"limit": str(_PAGES_OF.get(resource, _PAGE))}
            params = {**at_most, **chosen, **({"continue": token} if token else {})}
            try:
                page = await self._get(path, _List[item], str(rule), params=params, accept=accept)  # type: ignore[valid-type]
            except Expired as expired:
                # The pages behind us are gone, what they held is not: read on, or begin again where that can't be.
                restarts += 1
                if restarts > _MOST_RESTARTS:
                    raise
                token = expired.token
                if token is None:
                    items.clear()
                continue
            if not page.kind.endswith("List"):
                raise NotKubernetes(f"It answered {rule} with a {page.kind[:60]}")
            items += page.items or []
            token = page.metadata.token
            if not token:
                return Listing(items)
            if len(items) >= _MOST_ITEMS:
                break
        return Listing(items[:_MOST_ITEMS], False, resource.plural)

    async def one(self, resource: Resource, name: str, item: type[T], *, namespace: str | None = None) -> T:
        rule = rule_for(resource, "get", namespace, name)
        return await self._get(f"{_path(resource, namespace)}/{name}", item, str(rule))

    async def allowed(self, rule: Rule) -> bool:
        """Whether these credentials have the right, by the API's own word."""
        attributes = {
            "group": rule.resource.group,
            "resource": rule.resource.plural,
            "subresource": rule.subresource or "",
            "verb": rule.verb,
            "namespace": rule.namespace or "",
            "name": rule.name or "",
        }
        body = _object("authorization.k8s.io/v1", "SelfSubjectAccessReview", {"resourceAttributes": attributes})
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        review = await self._post(path, body, _Review, "ask about the hub's own rights")
        return review.status.allowed

    async def surplus(self) -> list[str]:
        """What these credentials may change in the cluster, as `verb resource`: the hub needs none of it."""
        body = _object("authorization.k8s.io/v1", "SelfSubjectRulesReview", {"namespace": "default"})
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        review = await self._post(path, body, _RulesReview, "ask about the hub's own rights")
        return _changing(review.status.resource_rules or [])

    async def new_token(self, namespace: str, account: str, *, lasts_s: int) -> NewToken:
        """A fresh token of a service account; the API may make it last shorter or longer than asked for."""
        body = _object("authentication.k8s.io/v1", "TokenRequest", {"expirationSeconds": lasts_s})
        path = f"{_path(SERVICE_ACCOUNTS, _checked(namespace))}/{_checked(account)}/token"
        made = await self._post(path, body, _TokenRequest, f"create serviceaccounts/token {account} in {namespace}")
        return NewToken(made.status.token, made.status.expires_at)

    async def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        """The values of a Secret, decoded."""
        path = f"{_path(_SECRETS, _checked(namespace))}/{_checked(name)}"
        found = await self._get(path, _Secret, f"get secrets {name} in {namespace}")
        try:
            return {key: base64.b64decode(value, validate=True) for key, value in (found.data or {}).items()}
        except binascii.Error:
            raise NotKubernetes(f"The Secret {namespace}/{name} has a value that is not base64") from None

    def _signed_in(self) -> bool:
        return "Authorization" in self._way.headers or self._way.tls.client_certificate is not None

    async def _get(
        self,
        path: str,
        kind: type[T],
        what: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> T:
        answer = await self._patiently(path, params, accept)
        return _decoded(answer, kind, what, signed_in=self._signed_in())

    async def _post(self, path: str, body: bytes, kind: type[T], what: str) -> T:
        answer = await self._send("POST", path, body=body)
        return _decoded(answer, kind, what, signed_in=self._signed_in())

    async def _patiently(self, path: str, params: Mapping[str, str] | None, accept: str) -> Answer:
        """Wait once where the API asks for a short pause: it limits how fast one account may ask."""
        answer = await self._send("GET", path, params=params, accept=accept)
        wait = answer.retry_after_s
        if answer.status == 429 and wait is not None and wait <= _LONGEST_WAIT_S:
            await self._clock.sleep(wait)
            answer = await self._send("GET", path, params=params, accept=accept)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        accept: str = "application/json",
    ) -> Answer:
        try:
            return await ask(
                self._outbound,
                self._way,
                method,
                path,
                timeout_s=self._timeout_s,
                params=params,
                body=body,
                accept=accept,
            )
        except NoAnswer as error:
            raise Unreached(error.step, error.detail, transient=error.transient) from None


def _path(resource: Resource, namespace: str | None) -> str:
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{resource.root}{within}/{resource.plural}"


def _checked(name: str) -> str:
    """A name that stays within its place of a path."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name[:80]!r} is no name of an object in Kubernetes")
    return name


def _object(api_version: str, kind: str, spec: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"apiVersion": api_version, "kind": kind, "spec": spec})


def _decoded(answer: Answer, kind: type[T], what: str, *, signed_in: bool) -> T:
    if answer.status not in (200, 201):
        raise _fault(answer, what, signed_in=signed_in)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError:
        raise _not_kubernetes(answer) from None


def _fault(answer: Answer, what: str, *, signed_in: bool) -> KubernetesFault:
    status = _status(answer)
    said = f": {status.message[:300]}" if status and status.message else ""
    if answer.status == 401:
        if signed_in:
            return NotSignedIn("It refused these credentials (401): they are wrong, or have expired")
        return NotSignedIn("It wants a sign-in (401)")
    if answer.status == 403:
        return Forbidden(f"It does not allow the hub to {what} (403{said})")
    if answer.status == 404 and (status or answer.body.startswith(b"404 page not found")):
        return Missing(f"It has nothing at {what} (404{said})")
    if answer.status == 410 and status:
        token = (status.metadata or {}).get("continue")
        return Expired(f"The list of {what} changed too fast to read (410)", token if isinstance(token, str) else None)
    if answer.status in (429, 502, 503, 504):
        return Busy(f"It is busy or starting ({answer.status}{said})", answer.retry_after_s)
    if status:
        return Refused(f"It refused to {what} ({answer.status}{said})", transient=answer.status >= 500)
    return _not_kubernetes(answer)


def _status(answer: Answer) -> _Status | None:
    try:
        status = msgspec.json.decode(answer.body, type=_Status)
    except msgspec.DecodeError:
        return None
    return status if status.kind == "Status" else None


def _not_kubernetes(answer: Answer) -> NotKubernetes:
    return NotKubernetes(f"That is not a Kubernetes API: it answered {answer.status}, {answer.shown()}")


def _changing(rules: Iterable[_ResourceRule]) -> list[str]:
    """Leaves out what asks a question by creating it: reviews of one's own rights and identity."""
    found = []
    for rule in rules:
        verbs = [verb for verb in rule.verbs if verb not in ("get", "list", "watch")]
        if verbs and not set(rule.api_groups or [""]) <= {"authorization.k8s.io", "authentication.k8s.io"}:
            found += [f"{'/'.join(verbs)} {name}" for name in rule.resources or []]
    return sorted(set(found))
