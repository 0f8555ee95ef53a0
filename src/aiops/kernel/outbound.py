"""The one way out over HTTP: a connector that checks the address it is about to connect to, whatever the name said."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from aiops.kernel.addresses import Address, address_of, refusal
from aiops.kernel.tls import PLAIN, Contexts, Tls

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_LOOKED_UP_FOR_S = 30.0
_MOST_LOOKED_UP = 10_000


class AddressRefused(OSError):
    """The hub does not connect to this address. aiohttp may carry it as `os_error` of a connector error."""

    def __init__(self, address: Address, reason: str) -> None:
        super().__init__(f"{address} {reason}; the hub does not connect to it")
        self.address = address


class RedirectRefused(aiohttp.ClientError):
    """The server sends us to another host, scheme or port, or in circles; `location` says where to."""

    def __init__(self, location: str) -> None:
        super().__init__(f"It redirects to {location}")
        self.location = location


class Outbound:
    """One pool of connections for a purpose. Open it inside the loop; close it once.

    It keeps no cookies, follows redirects within one origin only, ignores proxies of the environment, and holds at most
    `per_host` connections to one host. TLS settings and a proxy are each request's own; a proxy's address is checked
    like any other, and what lies behind it as far as this machine can look it up. Where `timeout_s` is `None`, whoever
    asks keeps the time.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool,
        loopback_ports: Collection[int] = (),
        per_host: int = 64,
        total: int = 512,
        timeout_s: float | None = 30.0,
        connect_timeout_s: float = 5.0,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._loopback_ports = frozenset(loopback_ports)
        self.connect_timeout_s = connect_timeout_s
        self._resolver = _GuardedResolver(resolver or aiohttp.ThreadedResolver(), self._check)
        connector = aiohttp.TCPConnector(
            limit=total,
            limit_per_host=per_host,
            resolver=self._resolver,
            ttl_dns_cache=30,
            socket_factory=self._socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=connect_timeout_s),
            trust_env=False,
        )
        # Of its own: what watches for redirects costs a tenth of each small request.
        self._sockets = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            trace_configs=[_no_redirects()],
        )
        self._contexts = Contexts()
        self._looked_up: dict[tuple[str, int], float] = {}

    def request(
        self,
        method: str,
        url: str | URL,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        tls: Tls = PLAIN,
        proxy_url: str | None = None,
        **options: Any,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """As aiohttp's `request`; raises `RedirectRefused` and `AddressRefused` besides aiohttp's errors, and `Invalid`
        for TLS settings that can't be used."""
        if timeout_s is not None:
            options["timeout"] = aiohttp.ClientTimeout(total=timeout_s)
        return _Requesting(
            self._respond(method, URL(url) if isinstance(url, str) else url, headers, tls, proxy_url, options)
        )

    async def _respond(
        self,
        method: str,
        target: URL,
        headers: Mapping[str, str] | None,
        tls: Tls,
        proxy_url: str | None,
        options: dict[str, Any],
    ) -> aiohttp.ClientResponse:
        if proxy_url is not None or target.scheme == "https":
            options |= await self._way(target, tls, proxy_url)
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._session.request(method, target, headers=headers, allow_redirects=False, **options)
            if response.status not in _REDIRECTS or "Location" not in response.headers:
                return response
            try:
                following = _following(response, target)
                if method != "GET" and response.status not in (307, 308):
                    raise RedirectRefused(str(following.with_query(None).with_fragment(None)))
            finally:
                response.release()
            target = following
            options.pop("params", None)
        raise RedirectRefused(str(target.with_query(None).with_fragment(None)))

    @asynccontextmanager
    async def websocket(
        self,
        url: URL,
        *,
        headers: Mapping[str, str],
        tls: Tls = PLAIN,
        proxy_url: str | None = None,
        heartbeat_s: float,
        max_message_bytes: int,
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket, by the same rules as `request`; no redirect is followed."""
        options = await self._way(url, tls, proxy_url)
        async with self._sockets.ws_connect(
            url, headers=headers, heartbeat=heartbeat_s, max_msg_size=max_message_bytes, **options
        ) as socket:
            yield socket

    async def _way(self, target: URL, tls: Tls, proxy_url: str | None) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if tls != PLAIN and target.scheme in ("https", "wss"):
            options["ssl"] = self._contexts.get(tls)
            options["server_hostname"] = tls.server_name
        if proxy_url is not None:
            options["proxy"] = proxy_url
            await self._check_behind_proxy(target)
        return options

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses behind a host; raises `AddressRefused`, or `OSError` where the name does not resolve."""
        literal = address_of(host)
        if literal is not None:
            self._check(str(literal), port)
            return [str(literal)]
        found = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        return [entry["host"] for entry in found]

    async def close(self) -> None:
        await self._sockets.close()
        await self._session.close()
        # Not the connector's to close, for it was handed in.
        await self._resolver.close()
        # aiohttp closes TLS transports one turn of the loop later.
        await asyncio.sleep(0)

    async def _check_behind_proxy(self, target: URL) -> None:
        key = target.host or "", target.port or 0
        if self._looked_up.get(key, 0.0) > time.monotonic():
            return
        try:
            await self.resolve(*key)
        except AddressRefused:
            raise
        except OSError:
            # A name that only the proxy knows: it leads to nothing that this machine could reach by itself.
            pass
        if len(self._looked_up) >= _MOST_LOOKED_UP:
            self._looked_up.clear()
        self._looked_up[key] = time.monotonic() + _LOOKED_UP_FOR_S

    def _check(self, host: str, port: int) -> None:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
        reason = refusal(address, port, allow_loopback=self._allow_loopback, loopback_ports=self._loopback_ports)
        if reason:
            raise AddressRefused(address, reason)

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        # The last moment before connecting: covers literal addresses, which never pass the resolver.
        family, kind, protocol, _, address = info
        self._check(str(address[0]), int(address[1]))
        return socket.socket(family, kind, protocol)


class _Requesting:
    """What `async with` gives the response of and then frees it; a generator in its place is felt in a fan-out."""

    __slots__ = ("_respond", "_response")

    def __init__(self, respond: Coroutine[Any, Any, aiohttp.ClientResponse]) -> None:
        self._respond = respond

    async def __aenter__(self) -> aiohttp.ClientResponse:
        self._response = await self._respond
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._response.release()
        await self._response.wait_for_close()


def _no_redirects() -> aiohttp.TraceConfig:
    """aiohttp lets nobody turn redirects off for a WebSocket; `request` follows its own."""
    config = aiohttp.TraceConfig()

    async def refuse(_session: Any, _context: Any, parameters: aiohttp.TraceRequestRedirectParams) -> None:
        location = URL(parameters.response.headers.get("Location", ""))
        raise RedirectRefused(str(location.with_query(None).with_fragment(None)))

    config.on_request_redirect.append(refuse)
    return config


def _following(response: aiohttp.ClientResponse, target: URL) -> URL:
    """Where a redirect leads within the origin; raises `RedirectRefused` for everywhere else."""
    location = response.headers["Location"]
    try:
        following = response.url.join(URL(location))
        if following.origin() == target.origin():
            return following
    except ValueError:
        raise RedirectRefused(location[:200].partition("?")[0]) from None
    raise RedirectRefused(str(following.with_query(None).with_fragment(None)))


class _GuardedResolver(AbstractResolver):
    """Refuses a name as soon as one of its addresses is refused, so that a mixed answer gains nothing."""

    def __init__(self, inner: AbstractResolver, check: Any) -> None:
        self._inner = inner
        self._check = check

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for entry in found:
            self._check(entry["host"], port)
        return found

    async def close(self) -> None:
        await self._inner.close()
