"""How clusters come into the fleet by the console: with sign-ins of their own, from ACM, out of a shared Thanos."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TypeVar

import httpx
import pytest
from aiohttp import web
from playwright.sync_api import Page, expect

from tests.e2e.browser import Browser, browser_missing
from tests.lab.hub import Hub
from tests.lab.kubernetes import serving as serving_kubernetes
from tests.lab.openshift import acm_hub, grant
from tests.registry.rig import serving

pytestmark = pytest.mark.skipif(browser_missing() is not None, reason=str(browser_missing()))

T = TypeVar("T")


class Room:
    def __init__(self, hub: Hub, client: httpx.Client, browser: Browser) -> None:
        self.client, self.browser = client, browser
        self.page: Page = browser.page
        self._url = hub.url

    def open(self, path: str) -> None:
        self.page.goto(self._url + path)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def cluster(self, name: str) -> dict[str, object]:
        found: dict[str, object] = self.client.get(f"/api/v1/clusters/by-name/{name}").json()
        return found


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with Hub() as hub, hub.client() as client, Browser(hub.url) as browser:
        browser.sign_in()
        yield Room(hub, client, browser)


@contextmanager
def aside(made: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """A server of the asynchronous tests, on a loop and thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = made()
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _ended(server: AbstractAsyncContextManager[object]) -> None:
    await server.__aexit__(None, None, None)
    # What the hub keeps open would outlive the loop.
    for transport in list(getattr(asyncio.get_running_loop(), "_transports", {}).values()):
        transport.abort()
    await asyncio.sleep(0.05)


@asynccontextmanager
async def thanos() -> AsyncIterator[tuple[str, list[str | None]]]:
    """As much of a Thanos as is asked for here, and what each request signed in with."""
    shown: list[str | None] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        shown.append(request.headers.get("Authorization"))
        if request.path == "/api/v1/label/site/values":
            return web.json_response({"status": "success", "data": ["north", "south"]})
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})

    async with serving(answer) as url:
        yield url, shown


def test_an_endpoint_that_others_share_is_signed_in_to_with_its_own(room: Room) -> None:
    with aside(thanos) as (url, shown):
        page = room.page
        room.open("/fleet/add")
        page.get_by_label("Name", exact=True).fill("with-own")
        page.get_by_label("Prometheus address").fill(url)
        page.get_by_label("It wants").select_option("BEARER")
        page.get_by_role("textbox", name="Bearer token").fill("of-the-cluster")
        page.get_by_text("Sign-ins of single endpoints").click()
        page.get_by_label("Prometheus wants").select_option("BEARER")
        page.get_by_role("button", name="Add cluster").click()
        missing = page.get_by_role("group", name="Prometheus").get_by_role("textbox", name="Bearer token")
        expect(missing).to_have_attribute("aria-invalid", "true")
        missing.fill("of-thanos")
        page.get_by_text("More addresses").click()
        page.get_by_role("textbox", name="Second Alertmanager").fill("http://127.0.0.1:9")
        page.get_by_role("button", name="Add cluster").click()
        expect(page.get_by_text("Give the URL of its first Alertmanager.")).to_be_visible()
        page.get_by_role("textbox", name="Second Alertmanager").fill("")
        room.browser.shoot("add-own-sign-in")
        page.get_by_role("button", name="Test connection").click()
        expect(page.get_by_label("Steps of the test")).to_be_visible(timeout=15_000)
        page.get_by_role("button", name="Add cluster").click()
        expect(page.get_by_role("heading", name="with-own", exact=True)).to_be_visible()
        assert room.cluster("with-own")["own_sign_ins"] == ["PROMETHEUS"]
        assert set(shown) == {"Bearer of-thanos"}, "the cluster's own token went nowhere else"
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_text("Sign-ins of single endpoints").click()
    expect(page.get_by_text("Kept: Prometheus.")).to_be_visible()
    room.browser.shoot("change-own-sign-in")
    page.get_by_label("Take what is kept away").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="with-own", exact=True)).to_be_visible()
    assert room.cluster("with-own")["own_sign_ins"] == []


def test_the_clusters_of_an_acm_hub_are_looked_for_chosen_and_added(room: Room) -> None:
    with aside(lambda: serving_kubernetes(acm_hub())) as peer:
        page = room.page
        room.open("/fleet/import")
        page.get_by_text("Red Hat ACM").click()
        look = page.get_by_role("button", name="Look for clusters")
        page.get_by_label("API server of the ACM hub").fill(peer.url)
        page.get_by_label("Service account’s token").fill(grant(peer, "acm-hub"))
        look.click()
        expect(page.get_by_text("give the cluster's CA bundle")).to_be_visible(timeout=15_000)
        page.get_by_text("An authority of its own (CA)").click()
        page.get_by_label("CA bundle, PEM").fill(peer.authority.pem)
        look.click()
        expect(page.get_by_text("4 clusters found")).to_be_visible(timeout=15_000)
        rows = page.get_by_role("table", name="Clusters that were found").get_by_role("row")
        expect(rows.filter(has_text="prod.east")).to_contain_text("api.east.example.com")
        expect(rows.filter(has_text="The hub has not accepted it.").get_by_role("checkbox")).to_have_count(0)
        page.get_by_label("Add local-cluster").uncheck()
        room.browser.shoot("import-acm")
        page.get_by_role("button", name="Add 2 clusters").click()
        expect(page.get_by_text("2 clusters added.")).to_be_visible(timeout=15_000)
    made = room.cluster("prod-east")
    assert (made["platform"], made["selector"], made["region"]) == ("OPENSHIFT", {"cluster": "prod.east"}, "eu-west-1")


def test_clusters_are_carved_out_of_a_shared_thanos_by_a_label(room: Room) -> None:
    with aside(thanos) as (url, _):
        page = room.page
        room.open("/fleet/import")
        page.get_by_text("Thanos or Mimir").click()
        look = page.get_by_role("button", name="Look for clusters")
        page.get_by_label("Address of the Thanos or Mimir").fill("http://127.0.0.1:1")
        look.click()
        expect(page.get_by_text("127.0.0.1:1 refused the connection")).to_be_visible(timeout=15_000)
        page.get_by_label("Address of the Thanos or Mimir").fill(url)
        page.get_by_label("Label that tells the clusters apart").fill("site")
        look.click()
        expect(page.get_by_text("2 clusters found")).to_be_visible(timeout=15_000)
        page.get_by_label("Environment").select_option("LAB")
        room.browser.shoot("import-thanos")
        page.get_by_role("button", name="Add 2 clusters").click()
        expect(page.get_by_text("2 clusters added.")).to_be_visible(timeout=15_000)
    south = room.cluster("south")
    assert (south["selector"], south["environment"], south["prometheus_url"]) == ({"site": "south"}, "LAB", url)
