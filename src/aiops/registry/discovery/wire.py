"""One bounded HTTP request to a server of a cluster, and every way in which it can go wrong."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec

from aiops.kernel.outbound import AddressRefused, Outbound, RedirectRefused
from aiops.kernel.tls import Tls

MOST_BYTES = 32 * 1024 * 1024


class Way(Protocol):
    """How a server is reached and what is shown to it: a `Target`, or what is about to become one."""

    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def tls(self) -> Tls: ...
    @property
    def proxy_url(self) -> str | None: ...


class PlainWay(msgspec.Struct, frozen=True):
    """A way to a server that is no endpoint of a cluster yet. `headers` and `tls` hold secrets: never log or show."""

    url: str
    headers: dict[str, str] = {}
    tls: Tls = Tls()
    proxy_url: str | None = None

    def __repr__(self) -> str:
        return f"PlainWay({self.url})"


class Answer(msgspec.Struct, frozen=True):
    status: int
    content_type: str
    body: bytes
    retry_after_s: float | None = None

    def shown(self) -> str:
        """The beginning of the body on one line, for people."""
        words = "".join(c if c.isprintable() else " " for c in self.body[:400].decode(errors="replace"))
        clean = " ".join(words.split())
        return f"{self.content_type}: “{clean[:80]}”" if clean else f"an empty {self.content_type}"


class NoAnswer(Exception):
    """The way to the server broke off at `step` (address, dns, connect, tls, answer); `detail` is for people.

    `transient` says that the same request may succeed later with nothing changed.
    """

    def __init__(self, step: str, detail: str, *, transient: bool = False) -> None:
        super().__init__(detail)
        self.step = step
        self.detail = detail
        self.transient = transient


async def ask(
    outbound: Outbound,
    way: Way,
    method: str,
    path: str,
    *,
    timeout_s: float,
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
    accept: str = "application/json",
) -> Answer:
    """The answer, whatever its status; raises `NoAnswer`, and `Invalid` for TLS settings that can't be used."""
    headers = {**way.headers, "Accept": accept}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        async with outbound.request(
            method,
            way.url.rstrip("/") + path,
            headers=headers,
            timeout_s=timeout_s,
            tls=way.tls,
            proxy_url=way.proxy_url,
            params=params,
            data=body,
        ) as response:
            return Answer(response.status, response.content_type, await _bounded(response), _seconds(response.headers))
    except (aiohttp.ClientError, OSError) as error:
        # TimeoutError is an OSError.
        raise _explained(error, way.url, timeout_s) from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MOST_BYTES:
            raise NoAnswer("answer", f"The answer has more than {MOST_BYTES // 1024 // 1024} MiB")
        parts.append(chunk)
    return b"".join(parts)


def _seconds(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _explained(error: Exception, url: str, timeout_s: float) -> NoAnswer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    where = f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    cause = getattr(error, "os_error", None)
    for refused in (error, cause):
        if isinstance(refused, AddressRefused):
            return NoAnswer("address", str(refused))
    if isinstance(error, RedirectRefused):
        return NoAnswer("answer", f"It redirects to {error.location}: if that is right, give that address")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        passing = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN
        said = "can't be looked up: the name server does not answer" if passing else "is a name that nobody knows"
        return NoAnswer("dns", f"{host} {said}", transient=passing)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return NoAnswer(
            "tls",
            f"The certificate of {host} is not trusted ({reason}): give the cluster's own CA, which its kubeconfig has",
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        reason = str(getattr(cause, "reason", None) or cause or error).replace("_", " ").lower()
        return NoAnswer("tls", f"TLS with {where} failed ({reason})")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NoAnswer("connect", f"{where} did not take a connection in time", transient=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = getattr(cause, "strerror", None) or str(cause)
        refused_it = isinstance(cause, ConnectionRefusedError)
        said = "refused the connection" if refused_it else f"can't be reached: {reason}"
        return NoAnswer("connect", f"{where} {said}", transient=True)
    if isinstance(error, TimeoutError):
        return NoAnswer("answer", f"{where} gave no answer within {timeout_s:g} s", transient=True)
    return NoAnswer("answer", f"{where} did not answer in HTTP ({type(error).__name__})", transient=True)
