"""One bounded HTTP request to a server of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import aiohttp
import msgspec

from aiops.kernel.no_answer import NoAnswer, explained
from aiops.kernel.outbound import Outbound
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
        raise explained(error, way.url, timeout_s, way.tls) from None


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
