"""One question to one endpoint over HTTP: within its time, within a budget of bytes, and not where it keeps failing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
from yarl import URL

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid, Rejected, TimedOut, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.breaker import Breaker
from aiops.registry.ports import Target

MAX_REPLY_BYTES = 50 * 1024 * 1024
MOST_READING_BYTES = 256 * 1024 * 1024
"""Of all answers that are being read, whoever asked for them."""

_MOST_BREAKERS = 10_000
_ERROR_CHARACTERS = 300

Form = Sequence[tuple[str, str]]
Judge = Callable[[int, bytes], AiopsError | None]
"""What a reply of another status than 200 means; `None` takes its body as an answer."""


class Asking:
    """One breaker an endpoint; one retry, and only where the connection was reset and the question only reads.

    `ask` raises `Rejected` where the endpoint refuses the question or its answer is too large, `TimedOut` or
    `Unavailable` where it does not answer. `smaller` says how to ask for less.
    """

    def __init__(
        self,
        connection: Outbound | aiohttp.ClientSession,
        clock: Clock,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        smaller: str = "ask for fewer series or a longer step.",
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._max_reply_bytes = max_reply_bytes
        self._reading = 0
        self._smaller = smaller
        self._breakers: dict[str, Breaker] = {}

    async def ask(
        self,
        target: Target,
        method: str,
        path: str,
        form: Form,
        timeout_s: float,
        judge: Judge,
        *,
        headers: Mapping[str, str] | None = None,
        changes: bytes | None = None,
    ) -> bytes:
        """`path` follows the target's address; a GET carries the form in its query, a POST in its body.

        `changes` is the JSON of a request that changes something (empty for one that needs none): it is sent once.
        """
        breaker = self._breaker(target.url)
        if not breaker.admit():
            raise Unavailable(
                f"It failed too often and is left alone for another {breaker.retry_after_s():.0f} s.",
                code="CLUSTER_UNREACHABLE",
            )
        try:
            async with asyncio.timeout(timeout_s):
                if changes is None:
                    body = await self._send(target, method, path, form, judge, headers or {})
                else:
                    sent = {**(headers or {}), "Content-Type": "application/json"}
                    body = await self._once(target, method, path, form, judge, sent, changes)
        except TimeoutError:
            breaker.failed()
            raise TimedOut(f"It did not answer within {timeout_s:g} s.", code="QUERY_TIMEOUT") from None
        except Unavailable:
            breaker.failed()
            raise
        except (aiohttp.ClientError, OSError) as error:
            breaker.failed()
            raise Unavailable(f"It cannot be reached: {error}", code="CLUSTER_UNREACHABLE") from error
        except Rejected:
            breaker.succeeded()
            raise
        except BaseException:
            breaker.abandoned()
            raise
        breaker.succeeded()
        return body

    async def _send(
        self, target: Target, method: str, path: str, form: Form, judge: Judge, headers: Mapping[str, str]
    ) -> bytes:
        try:
            return await self._once(target, method, path, form, judge, headers)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
            # A kept connection that the server closed meanwhile.
            return await self._once(target, method, path, form, judge, headers)

    async def _once(
        self,
        target: Target,
        method: str,
        path: str,
        form: Form,
        judge: Judge,
        headers: Mapping[str, str],
        changes: bytes | None = None,
    ) -> bytes:
        url = URL(f"{target.url.rstrip('/')}{path}")
        options: dict[str, Any] = {"data": list(form)} if method == "POST" else {"params": list(form)}
        if changes is not None:
            options = {"data": changes}
        if isinstance(self._connection, Outbound):
            options |= {"tls": target.tls, "proxy_url": target.proxy_url}
        sent = {**headers, **target.headers}
        async with self._connection.request(method, url, headers=sent, **options) as response:
            body = await self._read(response)
            refusal = None if response.status == 200 else judge(response.status, body)
        if refusal is not None:
            raise refusal
        return body

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        pieces, size = [], 0
        try:
            async for piece in response.content.iter_any():
                size += len(piece)
                self._reading += len(piece)
                if size > self._max_reply_bytes:
                    response.close()
                    raise Invalid(
                        f"Its answer is larger than {self._max_reply_bytes // (1024 * 1024)} MB: {self._smaller}"
                    )
                if self._reading > MOST_READING_BYTES:
                    response.close()
                    raise Invalid(
                        f"The hub is reading more than {MOST_READING_BYTES // (1024 * 1024)} MB of answers at once: "
                        f"{self._smaller}"
                    )
                pieces.append(piece)
            return b"".join(pieces)
        finally:
            self._reading -= size

    def _breaker(self, url: str) -> Breaker:
        breaker = self._breakers.get(url)
        if breaker is None:
            if len(self._breakers) >= _MOST_BREAKERS:
                self._breakers.pop(next(iter(self._breakers)))
            breaker = self._breakers[url] = Breaker(self._clock)
        return breaker


def not_answering(status: int, message: str | None = None) -> Unavailable:
    return Unavailable(
        f"It answered with HTTP {status}{f': {message}' if message else ''}.", code="CLUSTER_UNREACHABLE"
    )


def speaks_otherwise(what: str, error: Exception | None = None) -> Unavailable:
    """It answered, and not as a `what` does."""
    told = f": {error}" if error else "."
    return Unavailable(f"It did not answer as a {what} does{told}", code="CLUSTER_UNREACHABLE")


def plain_message(body: bytes) -> str | None:
    """What a body in text/plain says; `None` for an empty one, or one that is no message to people."""
    text = " ".join(body[: 4 * _ERROR_CHARACTERS].decode(errors="replace").split())
    return None if not text or text.startswith("<") else shortened(text)


def shortened(message: str) -> str:
    return message[:_ERROR_CHARACTERS]
