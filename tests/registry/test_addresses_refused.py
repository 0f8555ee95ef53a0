"""Where the hub is not sent, whoever asks: by any spelling, in any field, by a name, a redirect or a proxy."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from aiops.kernel.errors import Invalid
from aiops.kernel.outbound import AddressRefused, Outbound, RedirectRefused
from aiops.registry.endpoints import PROXY_FIELD, check_url
from aiops.registry.ports import URL_FIELDS, EndpointKind
from tests.registry.rig import serving

FIELDS = (*URL_FIELDS.values(), PROXY_FIELD)

REFUSED = (
    # This machine.
    "http://127.0.0.1:9090",
    "http://127.9.8.7",
    "http://localhost:9090",
    "http://LOCALHOST.",
    "http://prometheus.localhost",
    "http://127.1",
    "http://2130706433",
    "http://0x7f000001",
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://017700000001",
    "http://１２７.０.０.１",
    "http://127.0.0.1.",
    "http://[::1]:9090",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://[64:ff9b::127.0.0.1]",
    "http://[2002:7f00:1::1]",
    # Metadata of AWS, GCP, Azure, Alibaba, Oracle.
    "http://169.254.169.254/latest/meta-data",
    "http://2852039166",
    "http://0xA9FEA9FE",
    "http://0251.0376.0251.0376",
    "http://[::ffff:169.254.169.254]",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]",
    "http://[fd00:ec2::254]",
    "http://metadata.google.internal",
    "http://METADATA.google.internal./computeMetadata",
    "http://168.63.129.16",
    "http://100.100.100.200",
    "http://192.0.0.192",
    # No address of a server.
    "http://0.0.0.0:9090",
    "http://0",
    "http://[::]",
    "http://169.254.1.1",
    "http://[fe80::1]",
    "http://[fe80::1%25eth0]",
    "http://224.0.0.1",
    "http://[ff02::1]",
    "http://255.255.255.255",
    "http://240.0.0.1",
    # Tricks of writing.
    "http://prometheus.example.com@169.254.169.254",
    "http://169.254.169.254\\@prometheus.example.com",
    "file:///etc/passwd",
    "gopher://10.0.0.1",
)
TAKEN = (
    "http://10.1.2.3:9090",
    "http://172.16.5.4:9090",
    "http://192.168.0.10",
    "http://100.64.1.1:9090",
    "http://[fd12:3456::1]:9090",
    "http://203.0.114.9:9090",
    "http://[2606:4700::1111]",
    "http://prometheus",
    "http://prometheus.monitoring.svc:9090",
    "http://thanos-querier.openshift-monitoring.svc.cluster.local:9091",
    "http://prometheus.example.com",
    "http://10.prometheus.example.com",
)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("url", REFUSED)
def test_it_is_refused_when_it_is_entered(url: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_url(url.replace("http:", "https:"), field, allow_loopback=False)
    assert caught.value.details == {"field": field}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("url", TAKEN)
def test_ordinary_addresses_of_companies_are_taken(url: str, field: str) -> None:
    url = url.replace("http:", "https:")
    assert check_url(url + "/", field, allow_loopback=False) == url


@pytest.mark.parametrize("url", [url for url in REFUSED if url.startswith("http:")])
@pytest.mark.parametrize("way", ["directly", "as a proxy", "behind a proxy"])
async def test_it_is_refused_again_when_it_is_connected_to(url: str, way: str) -> None:
    outbound = Outbound(allow_loopback=False, connect_timeout_s=1, resolver=Names("169.254.169.254"))
    try:
        with pytest.raises((aiohttp.ClientError, OSError, ValueError)) as caught:
            if way == "directly":
                await ask(outbound, url)
            elif way == "as a proxy":
                await ask(outbound, "http://prometheus.example.com", proxy_url=url)
            else:
                # Nothing is sent to the proxy, which listens nowhere.
                await ask(outbound, url, proxy_url="http://10.255.255.1:9")
    finally:
        await outbound.close()
    cause = getattr(caught.value, "os_error", caught.value)
    assert isinstance(cause, AddressRefused | ValueError), repr(cause)


async def test_a_name_that_changes_its_mind_between_the_check_and_the_connection_gains_nothing() -> None:
    reached: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        reached.append(request.path)
        return web.Response()

    async with serving(handler) as url:
        names = Names("10.255.255.1", "127.0.0.1")
        outbound = Outbound(allow_loopback=False, connect_timeout_s=0.2, resolver=names)
        try:
            assert await outbound.resolve("rebinding.example.com", 80) == ["10.255.255.1"]
            for _ in range(3):
                with pytest.raises((aiohttp.ClientError, OSError, asyncio.TimeoutError)):
                    await ask(outbound, url.replace("127.0.0.1", "rebinding.example.com"))
        finally:
            await outbound.close()
    assert reached == []
    assert names.asked > 1


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest", "http://localhost:1/", "//[::1]/", "file:///etc"]
)
async def test_a_redirect_elsewhere_is_not_followed_also_where_its_beginning_was_allowed(location: str) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    async with serving(handler) as url:
        outbound = Outbound(allow_loopback=True)
        try:
            with pytest.raises(RedirectRefused):
                await ask(outbound, url)
        finally:
            await outbound.close()


def test_an_api_server_is_reached_by_tls_alone() -> None:
    with pytest.raises(Invalid, match="speaks TLS"):
        check_url("http://10.1.2.3:6443", URL_FIELDS[EndpointKind.API_SERVER], allow_loopback=True)


async def ask(outbound: Outbound, url: str, proxy_url: str | None = None) -> None:
    async with outbound.request("GET", url, timeout_s=2, proxy_url=proxy_url):
        pass


class Names(AbstractResolver):
    """A name server that gives one answer after the other, the last for ever; addresses it reads as the C library."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        if host[0].isdigit():
            address = socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
        else:
            address = self._addresses.pop(0) if len(self._addresses) > 1 else self._addresses[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        return None
