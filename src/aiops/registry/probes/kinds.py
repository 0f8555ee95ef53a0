"""What each kind of endpoint is asked, and how its answer is judged."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from aiops.registry.needs import Step
from aiops.registry.ports import EndpointKind, Target
from aiops.registry.probes.wire import Answer, shown

_RBAC_PROXY = re.compile(r"verb=(\w+), resource=([\w.-]+)(?:, subresource=([\w.-]+))?")


class Kind(msgspec.Struct, frozen=True):
    """`serves` says of an answer with status 200 whether such a server gave it; `version` finds its version in the
    answer of `version_path`."""

    called: str
    path: str
    serves: Callable[[Any], bool]
    version_path: str
    version: Callable[[Any], object]


def _success(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("status") == "success"


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda answer: isinstance(answer, dict) and all(name in answer for name in names)


def _at(*path: str) -> Callable[[Any], object]:
    def find(answer: Any) -> object:
        for name in path:
            answer = answer.get(name) if isinstance(answer, dict) else None
        return answer

    return find


# Judged by what the hub needs. Readiness alone would not do: a proxy may let `/-/ready` pass and refuse the API, a page
# for everything answers it with 200, and Thanos and Mimir may not have it.
_ALERTMANAGER = Kind(
    "Alertmanager", "/api/v2/status", _has("versionInfo", "cluster"), "/api/v2/status", _at("versionInfo", "version")
)
KINDS = {
    EndpointKind.API_SERVER: Kind(
        "API server", "/readyz", lambda answer: answer == "ok", "/version", _at("gitVersion")
    ),
    EndpointKind.PROMETHEUS: Kind(
        "Prometheus", "/api/v1/query?query=1", _success, "/api/v1/status/buildinfo", _at("data", "version")
    ),
    EndpointKind.ALERTMANAGER: _ALERTMANAGER,
    EndpointKind.ALERTMANAGER_PEER: _ALERTMANAGER,
    EndpointKind.LOKI: Kind("Loki", "/loki/api/v1/labels", _success, "/loki/api/v1/status/buildinfo", _at("version")),
    EndpointKind.TEMPO: Kind("Tempo", "/api/search/tags", _has("tagNames"), "/api/status/buildinfo", _at("version")),
}


def question(target: Target) -> str:
    """The path that tells whether it works. Of a shared Prometheus: whether it holds this very cluster."""
    if target.kind is EndpointKind.PROMETHEUS and target.selector:
        return f"/api/v1/query?query={quote(f'count(up{selector_text(target.selector)})')}"
    return KINDS[target.kind].path


def selector_text(selector: dict[str, str]) -> str:
    matchers = (f'{name}="{_escaped(value)}"' for name, value in sorted(selector.items()))
    return "{" + ",".join(matchers) + "}"


def judge(answer: Answer, target: Target) -> list[Step]:
    """Whether it lets the hub in, and whether it is what it should be."""
    refused = _refusal(answer, target)
    if refused is not None:
        return [Step("access", False, refused)]
    access, kind = Step("access", True, "It lets the hub in"), KINDS[target.kind]
    name = target.kind.value.lower()
    found = decoded(answer)
    if answer.status == 200 and kind.serves(found):
        if target.selector and target.kind is EndpointKind.PROMETHEUS and not _at("data", "result")(found):
            what = f"It answers, and has no samples of this cluster: no `up` with {selector_text(target.selector)}"
            return [access, Step("selector", False, what)]
        what = "It is ready" if target.kind is EndpointKind.API_SERVER else f"It answers like {_a(kind.called)}"
        return [access, Step(name, True, what)]
    return [access, Step(name, False, _what_is_wrong(answer, found, target, kind))]


def decoded(answer: Answer) -> Any:
    """The JSON of a body, or its text."""
    try:
        return msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return answer.body.decode(errors="replace").strip()


def version_in(answer: Answer, kind: EndpointKind) -> str | None:
    found = KINDS[kind].version(decoded(answer)) if answer.status == 200 else None
    return found[:60] if isinstance(found, str) and found.isprintable() and found else None


def _refusal(answer: Answer, target: Target) -> str | None:
    """What a 401 or a 403 means, and what would help."""
    said = answer.body.decode(errors="replace")
    signed_in = "Authorization" in target.headers or target.tls.client_certificate is not None
    if answer.status == 401 and "no org id" in said.lower():
        return "It wants to know whose data to show (401): add the header X-Scope-OrgID with the tenant"
    if answer.status == 401:
        if signed_in:
            return "It refused these credentials (401)"
        return "It wants a sign-in (401): give a bearer token, or a user name and password"
    if answer.status != 403:
        return None
    who = "These credentials are" if signed_in else "Without credentials the hub is"
    lacking = _RBAC_PROXY.search(said)
    if lacking:
        verb, resource, sub = lacking.groups()
        right = f"{verb} {resource}/{sub}" if sub else f"{verb} {resource}"
        return f"{who} not allowed to {right} (403): grant that right, as the role cluster-monitoring-view does"
    message = _at("message")(decoded(answer))
    if isinstance(message, str) and "cannot" in message:
        return f"{who} not allowed to ask it (403): {' '.join(message.split())[:200]}"
    what = "ask" if target.kind is EndpointKind.API_SERVER else "query"
    return f"{who} not allowed to {what} it (403)"


def _what_is_wrong(answer: Answer, found: Any, target: Target, kind: Kind) -> str:
    if b"HTTP request to an HTTPS server" in answer.body or b"plain HTTP request was sent to HTTPS" in answer.body:
        return "It speaks TLS there: write https:// instead of http://"
    if target.kind is EndpointKind.API_SERVER and "[-]" in answer.body.decode(errors="replace"):
        failing = re.findall(r"\[-\](\S+)", answer.body.decode(errors="replace"))
        return f"It is not ready: {', '.join(failing[:5])} failed"
    if answer.status == 503:
        return f"It is not ready to answer queries (503: {shown(answer)})"
    if answer.status == 404:
        return (
            f"There is no {kind.called} API at {target.url}{kind.path} (404): is a path prefix missing,"
            f" such as /{kind.called.lower().replace(' ', '-')}?"
        )
    error = _at("error")(found)
    if isinstance(error, str) and error:
        return f"It refused a query ({answer.status}): {error[:200]}"
    return f"That is not {_a(kind.called)}: it answered {answer.status}, {shown(answer)}"


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
