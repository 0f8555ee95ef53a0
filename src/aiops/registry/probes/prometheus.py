"""Asks a Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics), how it is."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid
from aiops.kernel.outbound import AddressRefused, Outbound, RedirectRefused
from aiops.registry.endpoints import check_url
from aiops.registry.needs import Step
from aiops.registry.ports import EndpointKind, EndpointStatus, Target

_MOST_BYTES = 64 * 1024
_QUERY = "/api/v1/query?query=1"
_BUILD = "/api/v1/status/buildinfo"
_NO_CLUSTER = UUID(int=0)


class _Answer(msgspec.Struct, frozen=True):
    status: int
    content_type: str
    body: bytes


class _Api(msgspec.Struct):
    status: str = ""
    data: Any = None
    error: str = ""


class _Failed(Exception):
    """The way to the server broke off at `step`."""

    def __init__(self, step: str, detail: str) -> None:
        super().__init__(detail)
        self.step = step
        self.detail = detail


class PrometheusProber:
    """Judges by a query, `1`, for that is what the hub needs.

    Readiness alone would not do: a proxy may let `/-/ready` pass and refuse the API, a page for everything answers it
    with 200, and Thanos and Mimir may not have it.
    """

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock

    async def probe(self, target: Target, timeout_s: float) -> EndpointStatus:
        started = time.perf_counter()
        try:
            answer = await self._get(target, _QUERY, timeout_s)
            error = next((step.detail for step in _judge(answer, target) if not step.ok), None)
        except _Failed as failed:
            error = failed.detail
        latency = (time.perf_counter() - started) * 1000
        return EndpointStatus(error is None, self._clock.now(), round(latency, 1) if error is None else None, error)

    async def version(self, url: str, timeout_s: float) -> str | None:
        try:
            target = Target(_NO_CLUSTER, "", EndpointKind.PROMETHEUS, url)
            return _version(await self._get(target, _BUILD, timeout_s))
        except _Failed:
            return None

    async def diagnose(self, target: Target, timeout_s: float) -> list[Step]:
        url = target.url
        try:
            # Addresses of this machine are judged when they are connected to, like all others.
            url = check_url(url, allow_loopback=True)
        except Invalid as error:
            return [Step("url", False, error.message)]
        target = msgspec.structs.replace(target, url=url)
        steps = [Step("url", True, "The URL is well formed")]
        try:
            steps.append(Step("dns", True, await self._resolve(url)))
            answer = await self._get(target, _QUERY, timeout_s)
        except _Failed as failed:
            reached = _steps_before(failed.step, url, {step.name for step in steps})
            return [*steps, *reached, Step(failed.step, False, failed.detail)]
        steps += _steps_before("access", url, {step.name for step in steps})
        steps += _judge(answer, target)
        if steps[-1].ok:
            steps.append(await self._version_step(target, timeout_s))
        return steps

    async def _version_step(self, target: Target, timeout_s: float) -> Step:
        try:
            found = _version(await self._get(target, _BUILD, timeout_s))
        except _Failed:
            found = None
        if found:
            return Step("version", True, f"Version {found}")
        return Step("version", True, "It does not tell its version (Thanos and Mimir may not); queries work")

    async def _resolve(self, url: str) -> str:
        parts = urlsplit(url)
        assert parts.hostname is not None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(5):
                addresses = await self._outbound.resolve(parts.hostname, port)
        except AddressRefused as error:
            raise _refused(error) from None
        except TimeoutError:
            raise _Failed("dns", f"The name server gave no answer for {parts.hostname} within 5 s") from None
        except OSError as error:
            raise _Failed("dns", _no_such_name(parts.hostname, error)) from None
        return f"{parts.hostname} is {', '.join(sorted(set(addresses)))}"

    async def _get(self, target: Target, path: str, timeout_s: float) -> _Answer:
        url = target.url + path
        try:
            async with self._outbound.request(
                "GET",
                url,
                headers=target.headers,
                timeout_s=timeout_s,
                tls=target.tls,
                proxy_url=target.proxy_url,
            ) as response:
                body = await response.content.read(_MOST_BYTES)
                while len(body) < _MOST_BYTES and (more := await response.content.read(_MOST_BYTES - len(body))):
                    body += more
                return _Answer(response.status, response.content_type, body)
        except Exception as error:
            raise _explain(error, url, timeout_s) from None


def _explain(error: Exception, url: str, timeout_s: float) -> _Failed:
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    cause = getattr(error, "os_error", None)
    for refused in (error, cause):
        if isinstance(refused, AddressRefused):
            return _refused(refused)
    if isinstance(error, RedirectRefused):
        return _Failed("answer", f"It redirects to {error.location}: if that is right, give that address")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _Failed("dns", _no_such_name(parts.hostname or "", cause))
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _Failed("tls", _certificate(error.certificate_error, parts.hostname or ""))
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return _Failed("tls", f"TLS with {where} failed ({_tls_reason(error)}): does it speak plain http:// there?")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return _Failed(
            "connect", f"{where} did not take a connection in time: is a firewall between, or the port wrong?"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return _Failed("connect", _unconnected(where, cause))
    if isinstance(error, TimeoutError):
        return _Failed("answer", f"{where} took the connection and gave no answer within {timeout_s:g} s")
    if isinstance(error, aiohttp.ClientError | OSError):
        return _Failed("answer", f"{where} did not answer in HTTP ({type(error).__name__}): is https:// needed?")
    raise error


def _unconnected(where: str, cause: BaseException | None) -> str:
    if isinstance(cause, ConnectionRefusedError):
        return f"{where} refused the connection: nothing listens on that port"
    reason = getattr(cause, "strerror", None) or str(cause)
    return f"{where} can't be reached: {reason}"


def _no_such_name(host: str, error: BaseException | None) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return f"{host} can't be looked up: the name server does not answer"
    return f"There is no host named {host}: is it spelt right, and known to this machine's name server?"


def _certificate(error: BaseException, host: str) -> str:
    reason = getattr(error, "verify_message", "") or str(error)
    lowered = reason.lower()
    if "expired" in lowered:
        return f"The certificate of {host} has expired"
    if "self-signed" in lowered or "self signed" in lowered or "unable to get" in lowered:
        return f"The certificate of {host} is signed by nobody whom this machine trusts ({reason})"
    if "mismatch" in lowered or "not valid for" in lowered:
        return f"The certificate is not for {host} ({reason})"
    return f"The certificate of {host} is not valid ({reason})"


def _tls_reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", error)
    return str(getattr(inner, "reason", None) or inner).replace("_", " ").lower()


def _judge(answer: _Answer, target: Target) -> list[Step]:
    signed_in, url = bool(target.headers), target.url
    if answer.status == 401:
        wanted = (
            "It refused these credentials (401)"
            if signed_in
            else ("It wants a sign-in (401): give a bearer token, or a user name and password")
        )
        return [Step("access", False, wanted)]
    if answer.status == 403:
        who = "These credentials are" if signed_in else "Without credentials the hub is"
        return [Step("access", False, f"{who} not allowed to query it (403)")]
    access = Step("access", True, "It lets the hub in")
    api = _api(answer)
    if api is not None and api.status == "success":
        return [access, Step("prometheus", True, "It answers queries like a Prometheus")]
    if answer.status == 503:
        return [access, Step("prometheus", False, f"It is not ready to answer queries (503: {_shown(answer)})")]
    if answer.status == 404:
        detail = f"There is no Prometheus API at {url}{_QUERY} (404): is a path prefix missing, such as /prometheus?"
        return [access, Step("prometheus", False, detail)]
    if b"HTTP request to an HTTPS server" in answer.body or b"plain HTTP request was sent to HTTPS" in answer.body:
        return [access, Step("prometheus", False, "It speaks TLS there: write https:// instead of http://")]
    if api is not None and api.error:
        return [access, Step("prometheus", False, f"It refused a query ({answer.status}): {api.error[:200]}")]
    return [
        access,
        Step("prometheus", False, f"That is not a Prometheus: it answered {answer.status}, {_shown(answer)}"),
    ]


def _api(answer: _Answer) -> _Api | None:
    try:
        return msgspec.json.decode(answer.body, type=_Api)
    except msgspec.DecodeError:
        return None


def _version(answer: _Answer) -> str | None:
    api = _api(answer)
    if answer.status != 200 or api is None or api.status != "success" or not isinstance(api.data, dict):
        return None
    found = api.data.get("version")
    return found[:60] if isinstance(found, str) and found.isprintable() and found else None


def _shown(answer: _Answer) -> str:
    words = answer.body.decode(errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", words, re.IGNORECASE | re.DOTALL)
    clean = " ".join("".join(c if c.isprintable() else " " for c in (title.group(1) if title else words)).split())
    if not clean:
        return f"an empty {answer.content_type}"
    return f"{answer.content_type}: “{clean[:80]}”"


def _steps_before(step: str, url: str, done: set[str]) -> list[Step]:
    passed = [("connect", "It takes connections")]
    if url.startswith("https:"):
        passed.append(("tls", "Its certificate is valid"))
    passed.append(("answer", "It answers in HTTP"))
    names = ["address", "dns", *(name for name, _ in passed)]
    reached = names.index(step) if step in names else len(names)
    return [Step(name, True, detail) for name, detail in passed if names.index(name) < reached and name not in done]


def _refused(error: AddressRefused) -> _Failed:
    advice = ": AIOPS_ALLOW_LOCAL_TARGETS=true would allow it" if error.address.is_loopback else ""
    return _Failed("address", f"{error}{advice}")
