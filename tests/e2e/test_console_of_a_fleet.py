"""The console on a hub of many clusters: finding the worst, adding and importing, asking all of them at once."""

from __future__ import annotations

import contextlib
import gzip
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Browser, browser_missing, fill_in
from tests.e2e.rig import items, wait_until
from tests.lab.hub import Hub, add_cluster, add_source, add_user

pytestmark = pytest.mark.skipif(browser_missing() is not None, reason=str(browser_missing()))

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_WELL = 48
_DEAD = ("eu-edge-dead", "us-edge-dead")
_NOWHERE = "http://127.0.0.1:9"
_FIRST_LOAD = 200 * 1024
_KUBECONFIG = f"""
apiVersion: v1
contexts:
- {{name: admin@East, context: {{cluster: east, user: admin}}}}
- {{name: west, context: {{cluster: west, user: gone}}}}
clusters:
- {{name: east, cluster: {{server: "{_NOWHERE.replace("http:", "https:")}"}}}}
- {{name: west, cluster: {{server: "https://127.0.0.1:9"}}}}
users:
- {{name: admin, user: {{token: secret-token}}}}
"""


class _Empty(BaseHTTPRequestHandler):
    """As much of a Prometheus as makes a cluster ONLINE; it has no series."""

    def do_GET(self) -> None:
        kind = b"matrix" if "/query_range" in self.path else b"vector"
        body = b'{"status":"success","data":{"resultType":"%s","result":[]}}' % kind
        if "/label" in self.path or "/series" in self.path:
            body = b'{"status":"success","data":[]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing of it is for the test's output."""


class Fleet:
    """The hub, its clusters, and a browser on it."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        self.address = f"http://127.0.0.1:{server.server_port}"
        self.hub = stack.enter_context(Hub())
        self.client = stack.enter_context(self.hub.client())
        for at in range(_WELL):
            region, team = ("eu", "us")[at % 2], ("core", "ran", "ml")[at % 3]
            add_cluster(self.client, f"{region}-well-{at:03}", self.address, region=region, labels={"team": team})
        for name in _DEAD:
            add_cluster(self.client, name, _NOWHERE, region=name[:2], cluster_type="EDGE")
        self.pushed = self._pushed()
        wait_until(lambda: self.count("ONLINE") >= _WELL, "every cluster to be found ONLINE", 60)
        wait_until(lambda: self.count("OFFLINE") == len(_DEAD), "the dead ones to be found OFFLINE", 60)
        self.browser = stack.enter_context(Browser(self.hub.url))
        self.browser.sign_in()
        self.page: Page = self.browser.page

    def count(self, state: str) -> int:
        reply = self.client.get("/api/v1/clusters", params={"state": state})
        reply.raise_for_status()
        return int(reply.json()["total"])

    def open(self, path: str) -> None:
        self.page.goto(self.hub.url + path)

    def _pushed(self) -> str:
        """A cluster that holds one series, in the hub's own store; it is OFFLINE once nothing more is pushed."""
        body = {"name": "zz-attic", "platform": "HOST"}
        cluster_id = str(self.client.post("/api/v1/clusters", json=body).raise_for_status().json()["id"])
        token = add_source(self.client, "thermometer", cluster_id)["token"]
        now = time.time()
        samples = [
            {"name": "room_temperature", "labels": {"room": "attic"}, "value": 20 + at % 7, "timestamp": now - 10 * at}
            for at in range(60)
        ]
        headers = {"Authorization": f"Bearer {token}"}
        url = self.hub.url + "/api/metrics"
        httpx.post(url, json={"metrics": samples}, headers=headers, timeout=60, trust_env=False).raise_for_status()
        return cluster_id


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with contextlib.ExitStack() as stack:
        yield Fleet(stack)


def test_the_worst_of_many_clusters_come_first_and_say_why(fleet: Fleet) -> None:
    fleet.open("/fleet")
    tiles = fleet.page.locator("main [data-row]")
    expect(tiles).to_have_count(_WELL + len(_DEAD) + 1)
    for at, name in enumerate(_DEAD):
        expect(tiles.nth(at)).to_contain_text(name)
        expect(tiles.nth(at)).to_contain_text("refused")
    seen = tiles.first.bounding_box()
    assert seen is not None
    assert seen["y"] + seen["height"] < 900
    fleet.page.get_by_role("button", name=re.compile("^[23] Offline")).click()
    expect(fleet.page).to_have_url(re.compile(r"state=OFFLINE"))
    expect(tiles.filter(has_text="well")).to_have_count(0)
    expect(tiles.filter(has_text="dead")).to_have_count(len(_DEAD))


def test_a_fleet_is_grouped_narrowed_and_walked_by_keys(fleet: Fleet) -> None:
    fleet.open("/fleet?label=team%3Dran")
    page = fleet.page
    expect(page.locator("main [data-row]")).to_have_count(_WELL // 3)
    page.get_by_label("Group by").select_option("By region")
    expect(page.get_by_role("heading", name=re.compile("^eu 8 clusters"))).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("us-well")
    expect(page.get_by_role("heading", name=re.compile("^eu"))).to_have_count(0)
    expect(page).to_have_url(re.compile("q=us-well"))
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    for key in ("ArrowDown", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    chosen = page.locator("main [data-row]").nth(1).locator(".sr-only").nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=chosen, level=1)).to_be_visible()
    expect(page.get_by_role("region", name="Endpoints").get_by_text("Answers")).to_be_visible()


def test_a_cluster_is_tried_refused_at_its_field_and_added(fleet: Fleet) -> None:
    fleet.open("/fleet/add")
    page = fleet.page
    page.get_by_label("Name", exact=True).fill("Not a name")
    page.get_by_label("Prometheus address").fill(_NOWHERE)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_label("Steps of the test").get_by_text("refused")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Add cluster").click()
    name = page.get_by_label("Name", exact=True)
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    name.fill("added-by-hand")
    page.get_by_label("Prometheus address").fill(fleet.address)
    page.get_by_text("Where it belongs").click()
    page.get_by_label("Labels").fill("team")
    page.get_by_role("button", name="Add cluster").click()
    expect(page.get_by_text("“team” is not key=value.")).to_be_visible()
    page.get_by_label("Labels").fill("team=hand")
    page.get_by_role("button", name="Add cluster").click()
    expect(page.get_by_role("heading", name="added-by-hand")).to_be_visible()
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Shown as (optional)").fill("By hand")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("By hand").first).to_be_visible()
    kept = fleet.client.get("/api/v1/clusters/by-name/added-by-hand").json()
    assert (kept["display_name"], kept["labels"], kept["environment"]) == ("By hand", {"team": "hand"}, "PRODUCTION")


def test_contexts_of_a_pasted_kubeconfig_are_added_under_names_of_ones_own(fleet: Fleet) -> None:
    fleet.open("/fleet/import")
    page = fleet.page
    page.locator("textarea").fill(_KUBECONFIG)
    expect(page.get_by_text("Its user is not in the file.")).to_be_visible()
    page.get_by_label("Name of admin@East").fill("east-1")
    page.get_by_label("Add admin@East").check()
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.get_by_role("button", name="Add 1 cluster").click()
    assert "west" not in str(sent.value.post_data)
    expect(page.get_by_text("1 cluster added.")).to_be_visible()
    made = fleet.client.get("/api/v1/clusters/by-name/east-1").json()
    assert (made["platform"], made["credential_kind"]) == ("KUBERNETES", "KUBECONFIG")
    fleet.client.delete(f"/api/v1/clusters/{made['id']}").raise_for_status()


def test_a_query_is_completed_from_the_fleet_and_its_fault_is_shown_where_it_is(fleet: Fleet) -> None:
    fleet.open("/metrics-explorer")
    page = fleet.page
    editor = page.get_by_role("textbox", name="PromQL")
    expect(editor).to_have_class(re.compile("cm-content"))
    page.keyboard.press("/")
    page.keyboard.type("max by (room) (room_")
    offered = page.get_by_role("option", name=re.compile("room_temperature"))
    expect(offered).to_be_visible(timeout=10_000)
    # What has just come up is not yet taken: somebody may have meant to run the query.
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    expect(editor).to_contain_text("max by (room) (room_temperature)")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"of \d+ clusters answered; eu-edge-dead failed"))).to_be_visible(timeout=15_000)
    expect(page.locator(".u-over").first).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.get_by_role("cell", name="attic")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Lines").click()
    editor.fill("sum(room_temperature[")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text(re.compile(r"\^ position \d+"))).to_be_visible()
    expect(page.locator(".promql-fault")).to_be_visible()


def test_panels_are_saved_as_a_dashboard_that_others_open_and_leave_as_it_is(fleet: Fleet) -> None:
    fleet.open("/metrics-explorer?q=room_temperature")
    page = fleet.page
    page.get_by_role("button", name="Add panel").click()
    second = page.get_by_role("textbox", name="PromQL of Panel 2")
    second.fill("count(room_temperature)")
    page.get_by_role("region", name="Panel 2").get_by_role("button", name="Run").click()
    expect(page).to_have_url(re.compile("panels="))
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Rooms")
    dialog.get_by_label("Everyone may open it").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Rooms")).to_be_visible()
    expect(page.locator(".u-over")).to_have_count(2, timeout=15_000)
    add_user(fleet.hub.url, fleet.client, "onlooker", "viewer", [fleet.pushed]).close()
    with fleet.browser.stranger() as other:
        other.goto(fleet.hub.url + "/dashboards")
        fill_in(other, "onlooker", "second-password-2")
        other.get_by_role("link", name="Rooms").click()
        expect(other.get_by_role("heading", name="Rooms")).to_be_visible()
        expect(other.get_by_text("1 of 1 cluster answered").first).to_be_visible(timeout=15_000)
        expect(other.get_by_role("button", name="Delete")).to_have_count(0)
        expect(other.get_by_role("link", name="Change a copy")).to_be_visible()


@pytest.mark.skipif(not _AXE.exists(), reason="axe is not installed (make web)")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_page_of_the_fleet_has_a_barrier_that_axe_knows(fleet: Fleet, scheme: str) -> None:
    page = fleet.page
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    dead = items(fleet.client, "/api/v1/clusters", name=_DEAD[0])[0]["id"]
    paths = [
        "/fleet?group=region",
        "/fleet?view=table&state=OFFLINE",
        f"/fleet/{dead}",
        f"/fleet/{dead}/edit",
        "/fleet/add",
        "/fleet/import",
        '/metrics-explorer?panels=[{"q":"room_temperature"},{"q":"room_temperature","view":"table"}]',
        "/dashboards",
        "/gpu",
        "/cnf",
    ]
    for path in paths:
        fleet.open(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_label("Loading")).to_have_count(0, timeout=20_000)
        page.evaluate(_AXE.read_text())
        found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html.slice(0, 200)]))")
        assert found == [], path


def test_the_first_page_loads_no_more_than_it_needs(fleet: Fleet) -> None:
    loaded: set[str] = set()
    with fleet.browser.stranger() as page:
        page.on("response", lambda reply: loaded.add(reply.url))
        page.goto(fleet.hub.url + "/fleet")
        fill_in(page)
        expect(page.locator("main [data-row]").first).to_be_visible()
    own = [url for url in loaded if "/assets/" in url]
    sizes = {url: len(gzip.compress(httpx.get(url, trust_env=False).content)) for url in own}
    assert sizes
    assert sum(sizes.values()) <= _FIRST_LOAD, sizes
