"""From a switch that is down to what it touches, and to its incident, in the console."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Browser, browser_missing
from tests.e2e.rig import items, wait_until
from tests.gateway.seeds import fire_alert
from tests.lab.hub import Hub, add_source

pytestmark = pytest.mark.skipif(browser_missing() is not None, reason=str(browser_missing()))

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


class Room:
    """A hub with one cluster whose machines hang on a switch, which is down."""

    def __init__(self, hub: Hub, browser: Browser) -> None:
        self.browser, self.page, self.url = browser, browser.page, hub.url
        with hub.client() as admin:
            self.open("/topology")
            expect(self.page.get_by_text("aiops topology apply")).to_be_visible()
            cluster = admin.post("/api/v1/clusters", json={"name": "prod-1", "platform": "HOST"}).json()
            content = {"nodes": list(_nodes())}
            body = {"name": "network", "content": json.dumps(content)}
            admin.post("/api/v1/topology/apply", json=body).raise_for_status()
            token = add_source(admin, "alertmanager", cluster["id"])["token"]
            fire_alert(hub.url, token, "SwitchDown", {"instance": "switch-7"}, "down")
            wait_until(lambda: items(admin, "/api/v1/incidents"), "the incident")
            wait_until(lambda: items(admin, "/api/v1/topology/nodes", unhealthy="true"), "the mark on the switch")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def box(self, title: str) -> str:
        return f'[data-box]:has-text("{title}")'


def _nodes() -> Iterator[dict[str, object]]:
    yield {"kind": "switch", "name": "switch-7", "connected_to": "core-1"}
    yield {"kind": "switch", "name": "core-1"}
    yield {"kind": "node", "cluster": "prod-1", "names": ["n1", "n2"], "connected_to": "switch-7"}
    for at in range(40):
        machine = {"kind": "node", "cluster": "prod-1", "name": "n1" if at % 2 else "n2"}
        pod = {"kind": "pod", "cluster": "prod-1", "namespace": "shop", "name": f"web-{at}"}
        yield {**pod, "runs_on": machine}


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with Hub() as hub, Browser(hub.url) as browser:
        browser.sign_in()
        yield Room(hub, browser)


def test_from_far_to_the_switch_and_on_to_its_incident(room: Room) -> None:
    page: Page = room.page
    room.open("/topology")
    expect(page.locator(room.box("Switches"))).to_contain_text("1 of 2 unhealthy")
    page.locator(room.box("prod-1")).click()
    expect(page.locator(room.box("Pods"))).to_be_visible()
    page.get_by_label("Find a node").fill("switch-7")
    page.get_by_role("link", name="switch-7").click()
    aside = page.get_by_role("complementary", name="The chosen node")
    expect(aside).to_contain_text("2 nodes, 40 pods in prod-1")
    expect(aside).to_contain_text("SwitchDown")
    room.browser.shoot("topology-switch")
    # What is alike is one box, which opens.
    page.locator(room.box("20 pods")).first.click()
    expect(page.locator('[data-box]:has-text("web-")').first).to_be_visible()
    aside.get_by_role("link", name="Its incident").click()
    expect(page).to_have_url(re.compile("/incidents/"))
    page.go_back()
    expect(aside).to_contain_text("switch-7")
    assert room.browser.problems == []


def test_the_graph_is_walked_by_keys(room: Room) -> None:
    page: Page = room.page
    room.open("/topology?q=n1")
    page.get_by_role("link", name="n1").first.click()
    chosen = page.locator("[data-box][aria-current]")
    chosen.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_contain_text("switch-7")
    page.keyboard.press("Enter")
    expect(chosen).to_contain_text("switch-7")
    page.go_back()
    expect(chosen).to_contain_text("n1")


@pytest.mark.skipif(not _AXE.exists(), reason="axe is not installed (make web)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_the_topology_have_no_barrier_that_axe_knows(room: Room, scheme: str) -> None:
    room.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    room.page.evaluate("localStorage.removeItem('theme')")
    for path in ("/topology", "/topology?q=n", "/topology?node="):
        room.open(path)
        if path.endswith("node="):
            room.open("/topology?q=switch-7")
            room.page.get_by_role("link", name="switch-7").click()
        expect(room.page.locator("[data-box], main li a").first).to_be_visible()
        room.page.evaluate(_AXE.read_text())
        found = room.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html.slice(0, 200)]))")
        assert found == [], (path, scheme)
