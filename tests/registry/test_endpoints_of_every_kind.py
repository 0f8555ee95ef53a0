"""Each kind of endpoint told well from unwell, over real sockets and real TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from aiops.kernel.clock import VirtualClock
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.needs import Step
from aiops.registry.ports import EndpointKind, Target
from aiops.registry.probes.endpoints import EndpointProber
from tests.registry.authority import Authority
from tests.registry.rig import Handler, serving

ANSWERS: dict[str, tuple[EndpointKind, object]] = {
    "/api/v1/query": (EndpointKind.PROMETHEUS, {"status": "success", "data": {"result": [0, "1"]}}),
    "/api/v2/status": (EndpointKind.ALERTMANAGER, {"cluster": {}, "versionInfo": {"version": "0.25.0"}}),
    "/loki/api/v1/labels": (EndpointKind.LOKI, {"status": "success", "data": ["app"]}),
    "/loki/api/v1/status/buildinfo": (EndpointKind.LOKI, {"version": "3.4.2"}),
    "/api/search/tags": (EndpointKind.TEMPO, {"tagNames": ["service.name"]}),
    "/api/status/buildinfo": (EndpointKind.TEMPO, {"version": "2.7.1"}),
    "/version": (EndpointKind.API_SERVER, {"gitVersion": "v1.33.2"}),
}


def endpoint(kind: EndpointKind) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/readyz" and kind is EndpointKind.API_SERVER:
            return web.Response(text="ok")
        owner, body = ANSWERS.get(request.path, (None, None))
        return web.json_response(body) if owner is kind else web.Response(status=404, text="404 page not found")

    return answer


@pytest.fixture
async def prober() -> AsyncIterator[EndpointProber]:
    outbound = Outbound(allow_loopback=True, connect_timeout_s=1)
    yield EndpointProber(outbound, VirtualClock())
    await outbound.close()


def target(kind: EndpointKind, url: str, **more: object) -> Target:
    return Target(uuid4(), "one", kind, url, **more)  # type: ignore[arg-type]


def last(steps: list[Step]) -> tuple[str, str]:
    assert not steps[-1].ok
    assert all(step.ok for step in steps[:-1])
    return steps[-1].name, steps[-1].detail


SPOKEN = [kind for kind in EndpointKind if kind not in (EndpointKind.API_SERVER, EndpointKind.ALERTMANAGER_PEER)]


@pytest.mark.parametrize("kind", SPOKEN)
async def test_each_kind_is_recognised_and_no_other_is_taken_for_it(prober: EndpointProber, kind: EndpointKind) -> None:
    async with serving(endpoint(kind)) as url:
        assert (await prober.probe(target(kind, url), 3)).ok
        for other in (one for one in SPOKEN if one is not kind):
            name, detail = last(await prober.diagnose(target(other, url), 3))
            assert name == other.value.lower()
            assert f"give it as {kind.value.lower()}_url" in detail
        assert all(step.ok for step in await prober.diagnose(target(kind, url), 3))


async def test_an_api_server_is_asked_over_tls_with_its_own_authority(prober: EndpointProber, tmp_path: Path) -> None:
    authority = Authority()
    async with serving(endpoint(EndpointKind.API_SERVER), authority.server(tmp_path)) as url:
        name, detail = last(await prober.diagnose(target(EndpointKind.API_SERVER, url), 3))
        assert (name, "give the cluster's CA bundle" in detail) == ("tls", True)
        trusted = target(EndpointKind.API_SERVER, url, tls=Tls(ca_bundle=authority.pem))
        steps = await prober.diagnose(trusted, 3)
        assert [step.detail for step in steps if step.name in ("tls", "version")] == [
            "Its certificate is valid",
            "Version v1.33.2",
        ]
        unchecked = await prober.diagnose(target(EndpointKind.API_SERVER, url, tls=Tls(skip_verify=True)), 3)
        assert "not checked" in next(step.detail for step in unchecked if step.name == "tls")


async def test_an_api_server_that_is_not_ready_names_what_fails(prober: EndpointProber, tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed")

    async with serving(answer, Authority().server(tmp_path)) as url:
        found = await prober.probe(target(EndpointKind.API_SERVER, url, tls=Tls(skip_verify=True)), 3)
    assert found.error == "It is not ready: etcd failed"


async def test_a_certificate_past_its_time_and_one_of_another_name_are_told_apart(
    prober: EndpointProber, tmp_path: Path
) -> None:
    authority = Authority()
    trust = Tls(ca_bundle=authority.pem)
    expired = authority.server(tmp_path, "127.0.0.1", lasts=timedelta(days=-1))
    async with serving(endpoint(EndpointKind.LOKI), expired) as url:
        name, detail = last(await prober.diagnose(target(EndpointKind.LOKI, url, tls=trust), 3))
    assert (name, "has expired" in detail) == ("tls", True)
    async with serving(endpoint(EndpointKind.LOKI), authority.server(tmp_path, "loki.example.com")) as url:
        name, detail = last(await prober.diagnose(target(EndpointKind.LOKI, url, tls=trust), 3))
        assert (name, "TLS server name" in detail) == ("tls", True)
        named = Tls(ca_bundle=authority.pem, server_name="loki.example.com")
        assert (await prober.probe(target(EndpointKind.LOKI, url, tls=named), 3)).ok


async def test_a_client_certificate_opens_what_asks_for_one(prober: EndpointProber, tmp_path: Path) -> None:
    authority, clients, strangers = Authority(), Authority("clients"), Authority("strangers")
    context = authority.server(tmp_path, clients=clients)
    async with serving(endpoint(EndpointKind.TEMPO), context) as url:
        name, detail = last(await prober.diagnose(target(EndpointKind.TEMPO, url, tls=Tls(ca_bundle=authority.pem)), 3))
        assert (name, "want a client certificate?" in detail) == ("answer", True)
        for signer, works in ((clients, True), (strangers, False)):
            shown = Tls(authority.pem, False, None, *signer.issue("hub"))
            assert (await prober.probe(target(EndpointKind.TEMPO, url, tls=shown), 3)).ok is works
        name, detail = last(
            await prober.diagnose(
                target(EndpointKind.TEMPO, url, tls=Tls(authority.pem, False, None, *strangers.issue("hub"))), 3
            )
        )
        assert (name, "trust the hub's client certificate?" in detail) == ("answer", True)


@pytest.mark.parametrize(
    ("status", "body", "headers", "said"),
    [
        (401, "no org id", {}, "add the header X-Scope-OrgID"),
        (401, "Unauthorized", {}, "It wants a sign-in"),
        (401, "Unauthorized", {"Authorization": "Bearer x"}, "It refused these credentials"),
        (
            403,
            "Forbidden (user=system:serviceaccount:aiops:hub, verb=get, resource=prometheuses, subresource=api)",
            {"Authorization": "Bearer x"},
            "not allowed to get prometheuses/api (403)",
        ),
        (
            403,
            '{"kind":"Status","message":"services \\"loki\\" is forbidden: User \\"hub\\" cannot get services"}',
            {"Authorization": "Bearer x"},
            'User "hub" cannot get services',
        ),
    ],
)
async def test_a_refusal_says_which_right_or_header_is_missing(
    prober: EndpointProber, status: int, body: str, headers: dict[str, str], said: str
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body)

    async with serving(answer) as url:
        name, detail = last(await prober.diagnose(target(EndpointKind.LOKI, url, headers=headers), 3))
    assert name == "access"
    assert said in detail


async def test_a_shared_prometheus_is_well_only_where_it_holds_the_cluster(prober: EndpointProber) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.query.get("query", ""))
        held = [{"metric": {}, "value": [0, "3"]}] if 'cluster="held"' in asked[-1] else []
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": held}})

    async with serving(answer) as url:
        held = await prober.probe(target(EndpointKind.PROMETHEUS, url, selector={"cluster": "held"}), 3)
        other = await prober.probe(target(EndpointKind.PROMETHEUS, url, selector={"cluster": "other"}), 3)
    assert held.ok
    assert not other.ok
    assert other.error == 'It answers, and has no samples of this cluster: no `up` with {cluster="other"}'
    assert asked[0] == 'count(up{cluster="held"})'


async def test_a_proxy_carries_the_question_and_is_named_where_it_fails(prober: EndpointProber) -> None:
    seen: list[str] = []

    async def proxy(request: web.Request) -> web.StreamResponse:
        seen.append(str(request.url))
        return web.json_response({"tagNames": []})

    async with serving(proxy) as url:
        through = target(EndpointKind.TEMPO, "http://tempo.only-the-proxy-knows.invalid:3200", proxy_url=url)
        assert (await prober.probe(through, 3)).ok
    assert "only-the-proxy-knows" in seen[0]
    gone = target(EndpointKind.TEMPO, "http://tempo.only-the-proxy-knows.invalid:3200", proxy_url="http://127.0.0.1:1")
    name, detail = last(await prober.diagnose(gone, 3))
    assert (name, detail) == ("proxy", "The proxy 127.0.0.1:1 can't be reached")


async def test_tls_goes_through_a_proxy_unbroken(prober: EndpointProber, tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        host, port = asked[-1].split()[1].decode().rsplit(":", 1)
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pour(reader, back), _pour(there, writer))

    authority = Authority()
    proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    proxy_url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    async with proxy, serving(endpoint(EndpointKind.TEMPO), authority.server(tmp_path)) as url:
        through = target(EndpointKind.TEMPO, url, tls=Tls(ca_bundle=authority.pem), proxy_url=proxy_url)
        assert (await prober.probe(through, 3)).ok
        assert [step.name for step in await prober.diagnose(through, 3) if step.ok][:3] == ["url", "proxy", "tls"]
        untrusted = await prober.probe(target(EndpointKind.TEMPO, url, proxy_url=proxy_url), 3)
        assert "signed by nobody" in (untrusted.error or "")
        await prober._outbound.close()
    assert asked[0].startswith(b"CONNECT 127.0.0.1:")


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()
