from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from aiops.kernel.addresses import address_of, refusal
from aiops.kernel.outbound import AddressRefused, Outbound, RedirectRefused
from tests.lab.served import end

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NamesFor(AbstractResolver):
    """A name server that knows one answer."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        return None


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await end(runner)


@asynccontextmanager
async def outbound(**options: object) -> AsyncIterator[Outbound]:
    made = Outbound(**{"allow_loopback": True, **options})  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def get(way: Outbound, url: str) -> tuple[int, str]:
    async with way.request("GET", url, timeout_s=3) as response:
        return response.status, await response.text()


async def hello(_: web.Request) -> web.StreamResponse:
    return web.Response(text="hello")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
    ],
)
def test_addresses_of_no_server_are_refused_whatever_is_allowed(address: str) -> None:
    found = address_of(address)
    assert found is not None
    assert refusal(found, 80, allow_loopback=True, loopback_ports={80})


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.0.10", "172.16.5.4", "fd12::1", "203.0.114.9", "2606:4700::1"]
)
def test_private_and_public_addresses_are_fine(address: str) -> None:
    found = address_of(address)
    assert found is not None
    assert refusal(found, 9090, allow_loopback=False) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.4.5", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_leave_in_general_or_for_its_port(address: str) -> None:
    found = address_of(address)
    assert found is not None
    assert refusal(found, 9090, allow_loopback=False)
    assert refusal(found, 9090, allow_loopback=False, loopback_ports={9091})
    assert refusal(found, 9090, allow_loopback=False, loopback_ports={9090}) is None
    assert refusal(found, 9090, allow_loopback=True) is None


@pytest.mark.parametrize(
    "addresses", [("169.254.169.254",), ("10.0.0.1", "169.254.169.254"), ("fe80::1",), ("0.0.0.0",)]
)
async def test_a_name_that_leads_to_a_refused_address_is_not_connected_to(addresses: tuple[str, ...]) -> None:
    async with outbound(resolver=NamesFor(*addresses)) as way:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await get(way, "http://innocent.example.com/")
        assert isinstance(caught.value.os_error, AddressRefused)
        with pytest.raises(AddressRefused):
            await way.resolve("innocent.example.com", 80)


async def test_a_literal_address_is_checked_though_nothing_resolves_it() -> None:
    async with outbound() as way:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await get(way, "http://169.254.169.254/latest/meta-data")
        assert isinstance(caught.value.os_error, AddressRefused)
        with pytest.raises(AddressRefused):
            await way.resolve("169.254.169.254", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_no_spelling_of_loopback_gets_past_the_guard(host: str) -> None:
    async with serving(hello) as port, outbound(allow_loopback=False) as way:
        with pytest.raises((aiohttp.ClientError, OSError)) as caught:
            await get(way, f"http://{host}:{port}/")
        cause = getattr(caught.value, "os_error", caught.value)
        assert isinstance(cause, AddressRefused | socket.gaierror | aiohttp.InvalidURL)


async def test_loopback_is_reached_where_it_is_allowed() -> None:
    async with serving(hello) as port:
        async with outbound() as way:
            assert await get(way, f"http://127.0.0.1:{port}/") == (200, "hello")
        async with outbound(allow_loopback=False, loopback_ports={port}) as way:
            assert await get(way, f"http://127.0.0.1:{port}/") == (200, "hello")


async def test_a_redirect_within_the_origin_is_followed() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/old":
            raise web.HTTPFound("/new")
        return web.Response(text=request.path)

    async with serving(handler) as port, outbound() as way:
        assert await get(way, f"http://127.0.0.1:{port}/old") == (200, "/new")


async def test_a_redirect_to_another_host_is_not_followed() -> None:
    asked: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Authorization"))
        return web.Response(text="gotcha")

    async with serving(elsewhere) as other:

        async def handler(_: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(f"http://127.0.0.1:{other}/?token=1")

        async with serving(handler) as port, outbound() as way:
            with pytest.raises(RedirectRefused) as caught:
                await get(way, f"http://127.0.0.1:{port}/")
    assert caught.value.location == f"http://127.0.0.1:{other}/"
    assert asked == []


async def test_redirects_in_circles_end() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/again")

    async with serving(handler) as port, outbound() as way:
        with pytest.raises(RedirectRefused):
            await get(way, f"http://127.0.0.1:{port}/again")


async def test_cookies_are_not_kept() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.Response(text=str(dict(request.cookies)))
        response.set_cookie("session", "1")
        return response

    async with serving(handler) as port, outbound() as way:
        for _ in range(2):
            assert await get(way, f"http://127.0.0.1:{port}/") == (200, "{}")


async def test_one_host_gets_no_more_connections_than_its_share() -> None:
    at_once = most = 0

    async def handler(_: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return web.Response(text="ok")

    async with serving(handler) as port, outbound(per_host=3) as way:
        await asyncio.gather(*(get(way, f"http://127.0.0.1:{port}/{n}") for n in range(12)))
    assert most == 3


async def test_a_server_that_keeps_silent_is_given_up() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(handler) as port, outbound() as way:
        with pytest.raises(TimeoutError):
            async with way.request("GET", f"http://127.0.0.1:{port}/", timeout_s=0.05):
                pass
