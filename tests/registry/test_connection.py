"""What "test connection" says of each way to fail, told by real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from uuid import uuid4

import msgspec
import pytest
from aiohttp import web

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import PermissionDenied
from aiops.kernel.principal import Role
from aiops.registry.ports import EndpointKind, Target
from aiops.registry.probes.endpoints import EndpointProber
from aiops.registry.service.connection_tests import ConnectionTest, Diagnosis
from tests.registry.certificates import self_signed
from tests.registry.rig import ADMIN, FakePrometheus, Handler, Rig, person, rig_on, serving


async def diagnose(rig: Rig, url: str, **more: str) -> Diagnosis:
    return await rig.tests.run(ADMIN, msgspec.convert({"prometheus_url": url, **more}, ConnectionTest))


def last(diagnosis: Diagnosis) -> tuple[str, str]:
    assert not diagnosis.ok
    assert all(step.ok for step in diagnosis.steps[:-1])
    return diagnosis.steps[-1].name, diagnosis.steps[-1].detail


async def answer_to(rig: Rig, handler: Handler, **more: str) -> tuple[str, str]:
    async with serving(handler) as url:
        return last(await diagnose(rig, url, **more))


async def test_a_prometheus_is_recognised_with_its_version(rig: Rig, prometheus_url: str) -> None:
    found = await diagnose(rig, prometheus_url + "/")
    assert found.ok
    assert [step.name for step in found.steps] == [
        "url",
        "dns",
        "connect",
        "answer",
        "access",
        "prometheus",
        "version",
    ]
    assert found.steps[-1].detail == "Version 2.42.0"


async def test_what_hides_its_version_is_fine_too(rig: Rig, prometheus: FakePrometheus, prometheus_url: str) -> None:
    prometheus.has_build_info = False
    found = await diagnose(rig, prometheus_url)
    assert found.ok
    assert "does not tell its version" in found.steps[-1].detail


async def test_a_malformed_url_is_the_first_step(rig: Rig) -> None:
    name, detail = last(await diagnose(rig, "prometheus:9090"))
    assert name == "url"
    assert "http://" in detail


async def test_a_name_that_does_not_exist(rig: Rig) -> None:
    name, detail = last(await diagnose(rig, "http://no-such-host.invalid:9090"))
    assert name == "dns"
    assert "no-such-host.invalid" in detail


async def test_an_address_that_is_refused(database: Database, clock: VirtualClock, prometheus_url: str) -> None:
    async with rig_on(database, clock, allow_loopback=False) as rig:
        name, detail = last(await diagnose(rig, prometheus_url))
        assert name == "address"
        assert "this very machine" in detail
        assert "AIOPS_ALLOW_LOCAL_TARGETS" in detail


async def test_a_port_where_nothing_listens(rig: Rig) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        name, detail = last(await diagnose(rig, f"http://127.0.0.1:{held.getsockname()[1]}"))
    assert name == "connect"
    assert "refused the connection" in detail


async def test_a_server_that_takes_the_connection_and_keeps_silent(prober: EndpointProber) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(handler) as url:
        step = (await prober.diagnose(Target(uuid4(), "one", EndpointKind.PROMETHEUS, url), 0.1))[-1]
    assert (step.name, step.ok) == ("answer", False)
    assert "no answer within 0.1 s" in step.detail


async def test_plain_http_asked_for_where_tls_is_spoken(
    rig: Rig, prometheus: FakePrometheus, tls: ssl.SSLContext
) -> None:
    async with serving(prometheus.answer, tls) as url:
        name, detail = last(await diagnose(rig, url.replace("https", "http")))
    assert name == "answer"
    assert "https://" in detail


async def test_tls_asked_for_where_plain_http_is_spoken(rig: Rig, prometheus_url: str) -> None:
    name, detail = last(await diagnose(rig, prometheus_url.replace("http", "https")))
    assert name == "tls"
    assert "http://" in detail


async def test_a_certificate_that_nobody_signed(rig: Rig, prometheus: FakePrometheus, tls: ssl.SSLContext) -> None:
    async with serving(prometheus.answer, tls) as url:
        name, detail = last(await diagnose(rig, url))
    assert name == "tls"
    assert "signed by nobody" in detail


async def test_a_sign_in_that_is_missing_or_wrong(rig: Rig, prometheus: FakePrometheus, prometheus_url: str) -> None:
    prometheus.authorization = "Bearer right"
    assert last(await diagnose(rig, prometheus_url)) == (
        "access",
        "It wants a sign-in (401): give a bearer token, or a user name and password",
    )
    assert last(await diagnose(rig, prometheus_url, bearer_token="wrong")) == (
        "access",
        "It refused these credentials (401)",
    )
    assert (await diagnose(rig, prometheus_url, bearer_token="right")).ok


async def test_credentials_that_may_not_query(rig: Rig) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=403)

    assert await answer_to(rig, handler, username="u", password="p") == (
        "access",
        "These credentials are not allowed to query it (403)",
    )


async def test_something_else_says_what_it_answered(rig: Rig) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html><title>Grafana</title></html>", content_type="text/html")

    name, detail = await answer_to(rig, handler)
    assert name == "prometheus"
    assert detail == "That is not a Prometheus: it answered 200, text/html: “Grafana”"


async def test_a_missing_path_prefix_is_suspected(rig: Rig) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    name, detail = await answer_to(rig, handler)
    assert name == "prometheus"
    assert "path prefix" in detail


async def test_one_that_is_still_starting(rig: Rig, prometheus: FakePrometheus, prometheus_url: str) -> None:
    prometheus.up = False
    name, detail = last(await diagnose(rig, prometheus_url))
    assert name == "prometheus"
    assert "not ready" in detail


async def test_a_redirect_elsewhere_is_named_and_not_followed(rig: Rig) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("https://sso.example.com/login?state=x")

    name, detail = await answer_to(rig, handler)
    assert name == "answer"
    assert "https://sso.example.com/login" in detail


async def test_only_operators_of_the_whole_fleet_may_test(rig: Rig) -> None:
    for principal in (person(Role.VIEWER, whole=True), person(Role.OPERATOR)):
        with pytest.raises(PermissionDenied):
            await rig.tests.run(principal, ConnectionTest(prometheus_url="http://a"))


@pytest.fixture
def prober(rig: Rig) -> EndpointProber:
    prober = rig.probing._prober
    assert isinstance(prober, EndpointProber)
    return prober


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS whose certificate it signed itself."""
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
