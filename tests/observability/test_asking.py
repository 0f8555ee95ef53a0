"""What a cluster is asked: told in plain words where it fails, within its budget, once more where that is safe."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import AiopsError, Invalid, TimedOut, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.observability.backends.alertmanager import AlertmanagerBackend
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.registry.ports import EndpointKind, Target
from tests.registry.authority import Authority
from tests.registry.rig import serving

EMPTY = '{"status":"success","data":{"resultType":"vector","result":[]}}'


def target(url: str, cluster_id: UUID | None = None, *, tls: Tls | None = None, proxy_url: str | None = None) -> Target:
    return Target(cluster_id or uuid4(), "far", EndpointKind.PROMETHEUS, url, tls=tls or Tls(), proxy_url=proxy_url)


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    made = Outbound(allow_loopback=True, connect_timeout_s=0.3, timeout_s=None)
    yield made
    await made.close()


@pytest.fixture
def backend(outbound: Outbound) -> PrometheusBackend:
    return PrometheusBackend(outbound, SystemClock(), max_series=3, at_once=2)


async def failure(backend: PrometheusBackend, to: Target, timeout_s: float = 5.0) -> str:
    with pytest.raises(AiopsError) as failed:
        await backend.instant(to, "up", 1.0, timeout_s)
    assert not any(raw in failed.value.message for raw in ("ssl:", "[None]", "Errno", "Cannot connect", "Error("))
    return failed.value.message


async def test_a_port_where_nothing_listens_and_a_name_that_is_none(backend: PrometheusBackend) -> None:
    assert (
        await failure(backend, target("http://127.0.0.1:1"))
        == "127.0.0.1:1 refused the connection: nothing listens on that port."
    )
    assert (await failure(backend, target("http://no-such-host.invalid"))).startswith(
        "There is no host named no-such-host.invalid"
    )
    proxied = target("http://prometheus.invalid", proxy_url="http://127.0.0.1:1")
    assert await failure(backend, proxied) == "The proxy 127.0.0.1:1 can't be reached."


async def test_a_server_that_takes_no_connection_is_not_called_slow(backend: PrometheusBackend) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        # Until the kernel has no more room for those whom nobody lets in.
        with suppress(TimeoutError):
            while True:
                waiting.append(socket.socket())
                waiting[-1].settimeout(0.2)
                waiting[-1].connect(address)
        said = await failure(backend, target(f"http://127.0.0.1:{address[1]}"))
        for one in waiting:
            one.close()
    assert said == (
        f"127.0.0.1:{address[1]} did not take a connection in time: is a firewall between, or the port wrong?"
    )


async def test_why_tls_failed(backend: PrometheusBackend, tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=EMPTY, content_type="application/json")

    authority = Authority()
    async with serving(answer, authority.server(tmp_path)) as url:
        assert "give the cluster's CA bundle" in await failure(backend, target(url))
        assert "is https:// needed?" in await failure(backend, target(url.replace("https", "http")))
        found = await backend.instant(target(url, tls=Tls(ca_bundle=authority.pem)), "up", 1.0, 5)
        assert found.size == len(EMPTY)
        assert "holds no certificate in PEM form" in await failure(backend, target(url, tls=Tls(ca_bundle="none")))
    async with serving(answer) as url:
        assert "does it speak plain http:// there?" in await failure(backend, target(url.replace("http", "https")))


async def test_an_address_that_the_hub_does_not_connect_to() -> None:
    guarded = Outbound(allow_loopback=False)
    backend = PrometheusBackend(guarded, SystemClock())
    assert "is this very machine; the hub does not connect to it" in await failure(
        backend, target("http://127.0.0.1:1")
    )
    assert "is link-local" in await failure(backend, target("http://169.254.169.254"))
    await guarded.close()


async def test_an_answer_of_more_series_than_a_cluster_may_give_is_refused_with_what_to_do(
    backend: PrometheusBackend,
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        asked.append(str(form["limit"]))
        series = [{"metric": {"i": str(number)}, "value": [1, "1"]} for number in range(int(str(form["query"])))]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": series}})

    async with serving(answer) as url:
        assert (await backend.instant(target(url), "3", 1.0, 5)).data
        with pytest.raises(Invalid, match="more than 3 series: ask for fewer, by matchers or an aggregation"):
            await backend.instant(target(url), "4", 1.0, 5)
    assert set(asked) == {"4"}, "one more than are taken, so that a cut answer is seen as one"


async def test_one_cluster_is_asked_two_at_a_time_and_holds_up_no_other_of_the_same_server(
    backend: PrometheusBackend,
) -> None:
    at_once, most, done = 0, 0, asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        if (await request.post())["query"] == "quick":
            return web.Response(text=EMPTY, content_type="application/json")
        at_once += 1
        most = max(most, at_once)
        await done.wait()
        at_once -= 1
        return web.Response(text=EMPTY, content_type="application/json")

    async with serving(answer) as url:
        busy, other = target(url, uuid4()), target(url, uuid4())
        asking = [asyncio.create_task(backend.instant(busy, "slow", 1.0, 20)) for _ in range(5)]
        await backend.instant(other, "quick", 1.0, 5)
        with pytest.raises(TimedOut, match=r"2 questions at a time, and this one's turn did not come in 0\.2 s"):
            await backend.instant(busy, "quick", 1.0, 0.2)
        done.set()
        await asyncio.gather(*asking)
    assert most == 2


Answer = Callable[[], Awaitable[web.StreamResponse]]


async def _asked(backend: PrometheusBackend, first: web.Response, timeout_s: float = 5.0) -> tuple[int, str]:
    """How often the peer was asked that answers so at first, and what came of it."""
    asked = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return first if asked == 1 else web.Response(text=EMPTY, content_type="application/json")

    async with serving(answer) as url:
        try:
            await backend.instant(target(url), "up", 1.0, timeout_s)
        except Unavailable as error:
            return asked, error.message
    return asked, "answered"


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_proxy_that_did_not_reach_the_endpoint_is_asked_once_more(
    backend: PrometheusBackend, status: int
) -> None:
    assert await _asked(backend, web.Response(status=status, text="<html>no upstream</html>")) == (2, "answered")


async def test_a_refusal_that_was_thought_over_is_not_asked_again(backend: PrometheusBackend) -> None:
    timed_out = '{"status":"error","errorType":"timeout","error":"query timed out"}'
    assert await _asked(backend, web.Response(status=503, text=timed_out)) == (
        1,
        "It answered with HTTP 503: query timed out.",
    )
    busy = web.Response(status=503, text="later", headers={"Retry-After": "60"})
    assert (await _asked(backend, busy))[0] == 1
    assert (await _asked(backend, web.Response(status=500, text="oh")))[0] == 1


async def test_what_keeps_failing_is_asked_twice_and_once_its_breaker_is_open_no_more_than_that(
    backend: PrometheusBackend,
) -> None:
    asked = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=502, text="bad gateway")

    async with serving(answer) as url:
        same = target(url)
        for _ in range(10):
            assert await failure(backend, same) == "It answered with HTTP 502."
        assert asked == 20
        assert "left alone" in await failure(backend, same)
    assert asked == 20


async def test_a_change_is_sent_once(outbound: Outbound) -> None:
    asked = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=502, text="bad gateway")

    async with serving(answer) as url:
        with pytest.raises(Unavailable):
            await AlertmanagerBackend(outbound, SystemClock()).expire(target(url), "1", 5)
    assert asked == 1


async def test_a_silence_until_the_deadline_counts_against_an_endpoint(outbound: Outbound) -> None:
    backend, over = PrometheusBackend(outbound, SystemClock(), at_once=10), asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    async with serving(answer) as url:
        hanging = target(url)

        async def given_up() -> None:
            # As the fan-out does: with the same deadline, set a little earlier.
            with pytest.raises(TimedOut, match="did not answer within 1 s"):
                async with asyncio.timeout(1.0):
                    await backend.instant(hanging, "up", 1.0, 1.0)

        await asyncio.gather(*(given_up() for _ in range(10)))
        assert "left alone" in await failure(backend, hanging)
        over.set()
