"""One question to one endpoint over HTTP: within its time, within a budget of bytes, and not where it keeps failing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
from yarl import URL

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid, Rejected, TimedOut, Unavailable
from aiops.kernel.no_answer import explained
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.breaker import Breaker
from aiops.observability.backends.patience import LATE_S, Patience
from aiops.registry.ports import Target

MAX_REPLY_BYTES = 50 * 1024 * 1024
MAX_SERIES = 50_000
"""Of one answer."""

MOST_READING_BYTES = 256 * 1024 * 1024
"""Of all answers that are being read, whoever asked for them."""

AT_ONCE = 8
"""Questions to one cluster."""

_MOST_KEPT = 10_000
_SMALL_BYTES = 64 * 1024
"""What is not worth counting."""
_ERROR_CHARACTERS = 300
_SOONER = 0.99
"""Whoever waits has the same deadline: a little before it, a silence is still told as what it is."""
_SHORTEST_SILENCE_S = 1.0
"""Who asks for an answer in less time learns nothing of the endpoint's health."""
_PAUSE_S = 0.02, 0.2
_PASSING = frozenset({502, 503, 504})

_FORM = "application/x-www-form-urlencoded"
_CONNECTS_WITHIN_S = 5.0

Form = Sequence[tuple[str, str]]
Judge = Callable[[int, bytes], AiopsError | None]
"""What a reply of another status than 200 means; `None` takes its body as an answer."""


class _Passing(Unavailable):
    """What stands before the endpoint could not reach it just now."""


class Asking:
    """One breaker an endpoint; at most `at_once` questions to a cluster, the others wait within their time.

    What only reads is asked once more after a short pause of chance where the connection broke or a proxy answered for
    the endpoint (502, 503, 504), if half of the time is left and the endpoint is not failing anyway.
    `ask` raises `Rejected` where the endpoint refuses the question or its answer is too large, `TimedOut` or
    `Unavailable` where it does not answer. `smaller` says how to ask for less.
    """

    def __init__(
        self,
        connection: Outbound | aiohttp.ClientSession,
        clock: Clock,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        at_once: int = AT_ONCE,
        smaller: str = "ask for fewer series or a longer step.",
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._max_reply_bytes = max_reply_bytes
        self._at_once = at_once
        self._reading = 0
        self._smaller = smaller
        self._patience = Patience()
        # What is asked ends with `ask`'s own deadline; a second timer for each request costs as much as its answer.
        within_s = connection.connect_timeout_s if isinstance(connection, Outbound) else _CONNECTS_WITHIN_S
        self._only_connecting = aiohttp.ClientTimeout(total=None, sock_connect=within_s)
        self._breakers: dict[str, Breaker] = {}
        self._lanes: dict[int, asyncio.Semaphore] = {}

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
        sent, its_turn = False, self._lane(target.cluster_id)
        try:
            with self._patience.within(timeout_s * _SOONER - LATE_S):
                async with its_turn:
                    sent = True
                    if changes is None:
                        body = await self._read_only(
                            target, method, path, form, judge, headers or {}, breaker, timeout_s
                        )
                    else:
                        shown = {**(headers or {}), "Content-Type": "application/json"}
                        body = await self._once(target, method, path, form, judge, shown, changes)
        except aiohttp.ServerTimeoutError as error:
            # A TimeoutError too, of the connection alone.
            breaker.failed()
            raise unreached(error, target, timeout_s) from error
        except TimeoutError:
            if sent and timeout_s >= _SHORTEST_SILENCE_S:
                breaker.failed()
            else:
                breaker.abandoned()
            raise TimedOut(self._silence(timeout_s, sent), code="QUERY_TIMEOUT") from None
        except Unavailable:
            breaker.failed()
            raise
        except (aiohttp.ClientError, OSError) as error:
            breaker.failed()
            raise unreached(error, target, timeout_s) from error
        except Rejected:
            breaker.succeeded()
            raise
        except BaseException:
            breaker.abandoned()
            raise
        breaker.succeeded()
        return body

    def _silence(self, timeout_s: float, sent: bool) -> str:
        if sent:
            return f"It did not answer within {timeout_s:g} s."
        return (
            f"The hub asks it {self._at_once} questions at a time, and this one's turn did not come in {timeout_s:g} s."
        )

    async def _read_only(
        self,
        target: Target,
        method: str,
        path: str,
        form: Form,
        judge: Judge,
        headers: Mapping[str, str],
        breaker: Breaker,
        timeout_s: float,
    ) -> bytes:
        started = asyncio.get_running_loop().time()
        try:
            return await self._once(target, method, path, form, judge, headers)
        except aiohttp.ClientConnectorError:
            raise
        except (_Passing, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
            # Of the last three: most often a kept connection that the server closed meanwhile.
            pause_s = random.uniform(*_PAUSE_S)  # noqa: S311 (no secret)
            if asyncio.get_running_loop().time() - started + pause_s > timeout_s / 2 or not breaker.closed:
                raise
            await self._clock.sleep(pause_s)
            if not breaker.closed:
                raise
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
        url = _address(target.url, path)
        sent = {**headers, **target.headers}
        options: dict[str, Any] = {"timeout": self._only_connecting}
        if changes is not None:
            options["data"] = changes
        elif method == "POST":
            options["data"] = _encoded(tuple(form))
            sent["Content-Type"] = _FORM
        else:
            options["params"] = form
        if isinstance(self._connection, Outbound):
            options |= {"tls": target.tls, "proxy_url": target.proxy_url}
        async with self._connection.request(method, url, headers=sent, **options) as response:
            body = await self._read(response)
            if response.status == 200:
                return body
            refusal = judge(response.status, body)
            if refusal is None:
                return body
            if response.status in _PASSING and _speaks_for_another(response, body):
                raise _Passing(refusal.message, code=refusal.code)
        raise refusal

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        length = response.content_length
        if (
            length is not None
            and length <= min(_SMALL_BYTES, self._max_reply_bytes)
            and "Content-Encoding" not in response.headers
        ):
            return await response.read()
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
            if len(self._breakers) >= _MOST_KEPT:
                self._breakers.pop(next(iter(self._breakers)))
            breaker = self._breakers[url] = Breaker(self._clock)
        return breaker

    def _lane(self, cluster_id: UUID) -> asyncio.Semaphore:
        # By its number: a UUID is hashed in Python.
        lane = self._lanes.get(cluster_id.int)
        if lane is None:
            if len(self._lanes) >= _MOST_KEPT:
                self._lanes.pop(next(iter(self._lanes)))
            lane = self._lanes[cluster_id.int] = asyncio.Semaphore(self._at_once)
        return lane


def unreached(error: Exception, target: Target, timeout_s: float) -> Unavailable:
    why = explained(error, target.url, timeout_s, target.tls)
    return Unavailable(why.sentence, code="CLUSTER_UNREACHABLE")


def _speaks_for_another(response: aiohttp.ClientResponse, body: bytes) -> bool:
    """Not so a server that has judged the question itself (`{"status":"error"`), or one that asks to be left alone."""
    return "Retry-After" not in response.headers and not body.startswith(b'{"status"')


# yarl keeps 128 addresses; a fleet has more, and each that is read anew costs ten times as much.
@lru_cache(maxsize=4096)
def _address(base: str, path: str) -> URL:
    return URL(f"{base.rstrip('/')}{path}")


@lru_cache(maxsize=64)
def _encoded(form: tuple[tuple[str, str], ...]) -> bytes:
    """As aiohttp would, but once for all the clusters that are asked the same."""
    return urlencode(form).encode()


def not_answering(status: int, message: str | None = None) -> Unavailable:
    return Unavailable(
        f"It answered with HTTP {status}{f': {message}' if message else ''}.", code="CLUSTER_UNREACHABLE"
    )


def bound_series(count: int, most: int) -> None:
    """Raises `Invalid` where an answer has more series than are taken."""
    if count > most:
        raise Invalid(
            f"Its answer has more than {most:,} series: ask for fewer, by matchers or an aggregation "
            "(`sum by (…)`, `topk`)."
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
