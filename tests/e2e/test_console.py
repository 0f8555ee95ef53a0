"""The console as people use it, on a hub that has alerts, incidents and pushed metrics, but no cluster to poll."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Browser, browser_missing, fill_in
from tests.e2e.rig import items, wait_until
from tests.gateway.seeds import keep_prediction
from tests.lab.hub import Hub, add_source, add_user

pytestmark = pytest.mark.skipif(browser_missing() is not None, reason=str(browser_missing()))

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_ALERTS = 300
_USER_PASSWORD = "second-password-2"


class Desk:
    """The hub, what was put into it, and a browser on it."""

    def __init__(self, hub: Hub, client: httpx.Client, browser: Browser) -> None:
        self.hub = hub
        self.client = client
        self.browser = browser
        self.page: Page = browser.page
        self.cluster_id: str = items(client, "/api/v1/clusters")[0]["id"]
        self._token: str = add_source(client, "alertmanager", self.cluster_id)["token"]

    def fire(self, *names: str) -> None:
        """Alerts that began a minute ago, one after the other."""
        now = datetime.now(UTC)
        alerts = [
            {
                "status": "firing",
                "labels": {"alertname": name, "severity": "critical", "instance": f"node-{at}"},
                "annotations": {"summary": f"Something of node-{at} is not as it should be"},
                "startsAt": (now - timedelta(seconds=60, milliseconds=at)).isoformat(),
            }
            for at, name in enumerate(names)
        ]
        self._post("/api/v1/alerts/webhook", {"alerts": alerts})

    def push(self, name: str, values: int) -> None:
        """A gauge of the last `values` times 10 s."""
        now = time.time()
        samples = [{"name": name, "labels": {}, "value": at % 7, "timestamp": now - 10 * at} for at in range(values)]
        self._post("/api/metrics", {"metrics": samples})

    def open(self, path: str) -> None:
        self.page.goto(self.hub.url + path)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        httpx.post(self.hub.url + path, json=body, headers=headers, timeout=60, trust_env=False).raise_for_status()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(Hub({"AIOPS_WATCH_HOST": "true"}))
        client = stack.enter_context(hub.client())
        wait_until(lambda: items(client, "/api/v1/clusters"), "the host's own cluster")
        desk = Desk(hub, client, stack.enter_context(Browser(hub.url)))
        desk.fire(*(f"DiskFills{at}" for at in range(_ALERTS)))
        desk.push("room_temperature", 100)
        wait_until(lambda: items(client, "/api/v1/incidents"), "an incident of the alerts")
        desk.browser.sign_in()
        yield desk


@pytest.mark.skipif(not _AXE.exists(), reason="axe is not installed (make web)")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_page_has_a_barrier_that_axe_knows(desk: Desk, scheme: str) -> None:
    incident = items(desk.client, "/api/v1/incidents")[0]["id"]
    desk.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    paths = [
        "/fleet",
        f"/fleet/{desk.cluster_id}",
        "/metrics-explorer?q=room_temperature",
        "/alerts",
        "/incidents",
        "/insights",
        "/watches",
        "/watches/node_cpu",
    ]
    for path in [*paths, f"/incidents/{incident}", "/settings/sources", "/no-such-page"]:
        desk.open(path)
        expect(desk.page.get_by_role("heading", level=1)).to_be_visible()
        expect(desk.page.get_by_label("Loading")).to_have_count(0, timeout=15_000)
        desk.page.evaluate(_AXE.read_text())
        found = desk.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html.slice(0, 200)]))")
        assert found == [], path


def test_an_incident_is_selected_acknowledged_and_taken_back_by_keys(desk: Desk) -> None:
    desk.open("/fleet")
    expect(desk.page.get_by_role("heading", name="Fleet")).to_be_visible()
    desk.page.keyboard.press("g")
    desk.page.keyboard.press("i")
    row = desk.page.locator("[data-row-id]").first
    expect(row).to_contain_text("Open")
    for key in "jx":
        desk.page.keyboard.press(key)
    expect(desk.page.get_by_text("1 selected")).to_be_visible()
    expect(desk.page.get_by_role("button", name="Paused")).to_be_visible()
    desk.page.keyboard.press("a")
    expect(row).to_contain_text("Acknowledged")
    expect(desk.page.get_by_role("button", name="Live")).to_be_visible()
    desk.page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("Open")


def test_what_runs_out_soon_is_told_with_its_past_its_band_and_what_it_rests_on(desk: Desk) -> None:
    keep_prediction(desk.hub, desk.cluster_id, "disk-of-the-shop")
    desk.open("/insights")
    section = desk.page.get_by_role("region", name="Forecasts by urgency")
    row = section.get_by_role("button", name="disk-of-the-shop")
    expect(row).to_contain_text("ends in 3 days")
    row.click()
    expect(section.get_by_role("img", name="disk-of-the-shop")).to_be_visible()
    expect(section.get_by_text('up{owner="disk-of-the-shop"}')).to_be_visible()
    section.get_by_text("How good were these?").click()
    expect(section.get_by_role("table", name="Score of former forecasts")).to_contain_text("100 %")


def test_a_query_in_metrics_is_forecast_when_asked(desk: Desk) -> None:
    desk.open("/metrics-explorer?q=room_temperature")
    desk.page.get_by_role("button", name="Forecast", exact=True).click()
    ahead = desk.page.get_by_role("region", name="Forecast")
    ahead.get_by_label("From the last").select_option("1 hour")
    ahead.get_by_label("When does it reach").fill("1000")
    ahead.get_by_label("When does it reach").press("Enter")
    expect(ahead.get_by_role("img")).to_be_visible(timeout=15_000)
    expect(ahead.get_by_text("no time can be told").first).to_be_visible()


def test_who_reads_further_down_is_left_in_peace_and_told_what_is_new(desk: Desk) -> None:
    desk.open("/alerts")
    table = desk.page.get_by_role("table", name="Alerts")
    expect(table.locator("[data-row]").first).to_be_visible()
    table.evaluate("table => table.scrollTo(0, 3000)")
    expect(desk.page.get_by_role("button", name="Paused")).to_be_visible()
    read = table.locator('[aria-rowindex="100"]')
    before = read.get_by_role("cell").nth(2).inner_text()
    desk.fire("CameMeanwhile")
    button = desk.page.get_by_role("button", name=re.compile(r"Paused, \d+ new"))
    expect(button).to_be_visible(timeout=10_000)
    assert read.get_by_role("cell").nth(2).inner_text() == before
    button.click()
    expect(table.locator("[data-row]").first).to_contain_text("CameMeanwhile")
    assert table.evaluate("table => table.scrollTop") == 0


def test_alerts_are_handled_by_keys_and_what_is_snoozed_is_out_of_sight(desk: Desk) -> None:
    for name in ("HandledByKey", "SnoozedByKey"):
        desk.fire(name)
    desk.open("/alerts?q=ByKey")
    row = desk.page.get_by_role("row").filter(has_text="HandledByKey")
    row.focus()
    desk.page.keyboard.press("a")
    expect(desk.page.get_by_text("1 alert acknowledged")).to_be_visible()
    expect(row).to_contain_text("Acknowledged")
    desk.page.get_by_role("row").filter(has_text="SnoozedByKey").focus()
    desk.page.keyboard.press("s")
    desk.page.get_by_role("dialog").get_by_role("button", name="1 hour").click()
    expect(desk.page.get_by_role("row").filter(has_text="SnoozedByKey")).to_have_count(0)
    row.click()
    card = desk.page.get_by_role("dialog")
    expect(card.get_by_text("admin: Acknowledged")).to_be_visible()
    card.get_by_role("button", name="Comment…").click()
    desk.page.get_by_label("What others should know").fill("the disk is on its way")
    desk.page.get_by_role("button", name="Comment", exact=True).click()
    expect(card.get_by_text("“the disk is on its way”")).to_be_visible()
    desk.open("/alerts?q=ByKey&snoozed=true")
    expect(desk.page.get_by_role("row").filter(has_text="SnoozedByKey")).to_be_visible()


def test_a_dragged_stretch_is_looked_at_closer_and_back_undoes_it(desk: Desk) -> None:
    desk.open("/metrics-explorer?q=room_temperature")
    over = desk.page.locator(".u-over").first
    box = over.bounding_box()
    assert box is not None
    desk.page.mouse.move(box["x"] + 300, box["y"] + 50)
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + 500, box["y"] + 50, steps=5)
    desk.page.mouse.up()
    expect(desk.page).to_have_url(re.compile(r"from=\d{4}-"))
    desk.page.go_back()
    expect(desk.page).to_have_url(f"{desk.hub.url}/metrics-explorer?q=room_temperature")
    desk.page.get_by_role("button", name=re.compile("Last 30m")).click()
    desk.page.get_by_label("Typed").fill("now-6x")
    desk.page.get_by_role("button", name="Set").click()
    expect(desk.page.get_by_text("“now-6x” is no time.")).to_be_visible()
    desk.page.get_by_label("Typed").fill("90m")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("button", name=re.compile("Last 90m"))).to_be_visible()


def test_a_viewer_is_offered_nothing_that_would_be_refused(desk: Desk) -> None:
    add_user(desk.hub.url, desk.client, "looker", "viewer", None).close()
    with desk.browser.stranger() as page:
        page.goto(desk.hub.url)
        fill_in(page, "looker", _USER_PASSWORD)
        expect(page.get_by_role("navigation")).to_be_visible()
        for path in (
            "/fleet",
            f"/fleet/{desk.cluster_id}",
            "/incidents",
            "/insights",
            "/watches/node_cpu",
            "/overview",
            "/executive",
            "/replays",
            "/topology",
            "/maintenance",
            "/changes",
            "/runbooks",
            "/settings/correlation",
            "/settings/teams",
            "/settings/intake",
            "/settings/storage",
            "/settings/sources",
        ):
            page.goto(desk.hub.url + path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_label("Loading")).to_have_count(0, timeout=15_000)
            offered = page.locator("main").get_by_role("button").all_inner_texts()
            acting = re.compile("Add|Change|Remove|Delete|New|Acknowledge|Resolve|mitigated|False")
            assert [text for text in offered if acting.search(text)] == [], path
            assert page.locator("main").get_by_role("checkbox").count() == 0, path


def test_a_watch_is_made_tried_on_the_past_and_switched_on(desk: Desk) -> None:
    desk.open("/watches")
    desk.page.get_by_role("button", name="New watch").click()
    desk.page.get_by_label("Name").fill("room_heat")
    desk.page.get_by_label("Title").fill("Room heat")
    desk.page.get_by_label("Query").fill("room_temperature")
    desk.page.get_by_label("Above").fill("-100")
    desk.page.get_by_role("button", name="Make it").click()
    expect(desk.page.get_by_role("heading", name="Room heat", level=1)).to_be_visible()
    expect(desk.page.get_by_text("switched off")).to_be_visible()
    desk.page.get_by_label("How long").select_option("1")
    desk.page.get_by_role("button", name="Run").click()
    expect(desk.page.get_by_text("It would have told", exact=True)).to_be_visible(timeout=30_000)
    expect(desk.page.get_by_text("above its limit of").first).to_be_visible()
    assert items(desk.client, "/api/v1/anomalies", watch="room_heat") == [], "nobody is told anything"
    desk.page.get_by_role("button", name="Switch on").click()
    expect(desk.page.get_by_role("button", name="Switch off")).to_be_visible()
    desk.page.get_by_role("button", name="Delete…").click()
    desk.page.get_by_role("button", name="Delete", exact=True).click()
    expect(desk.page.get_by_role("heading", name="Watches", level=1)).to_be_visible()
    assert desk.client.get("/api/v1/watches/room_heat").status_code == 404


def test_a_team_is_added_owns_what_strikes_its_services_and_is_taken_away(desk: Desk) -> None:
    page = desk.page
    page.goto(desk.hub.url + "/settings/teams")
    page.get_by_role("button", name="New team").click()
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("Owns what has these labels").fill("namespace")
    expect(page.get_by_role("alert")).to_contain_text("names no label with a value")
    page.get_by_label("Owns what has these labels").fill("namespace=shop\nservice=cart*, env=prod")
    page.get_by_label("Members").fill("bob, ann")
    page.get_by_role("button", name="Add the team").click()
    team = page.get_by_role("listitem").filter(has_text="service=cart*")
    expect(team).to_contain_text("ann, bob")
    expect(team).to_contain_text("No open incident")
    (known,) = desk.client.get("/api/v1/teams").json()["items"]
    draft = {"title": "The cart is slow", "severity": "HIGH", "clusters": [desk.cluster_id]}
    made = desk.client.post("/api/v1/incidents", json=draft).json()
    desk.client.patch(f"/api/v1/incidents/{made['id']}", json={"team_id": known["id"]})
    page.reload()
    page.get_by_role("link", name="The cart is slow").click()
    expect(page.get_by_label("Handling")).to_contain_text("Shop")
    page.get_by_role("link", name="Shop").click()
    page.get_by_role("button", name="Shop").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("No team yet")).to_be_visible()
    desk.client.patch(f"/api/v1/incidents/{made['id']}", json={"status": "FALSE_POSITIVE"})
    assert desk.browser.problems == []


def test_a_first_password_must_be_changed_before_anything_is_seen(desk: Desk) -> None:
    body = {"username": "newcomer", "password": "first-password-1", "role": "operator", "clusters": None}
    desk.client.post("/api/v1/users", json=body).raise_for_status()
    with desk.browser.stranger() as page:
        page.goto(f"{desk.hub.url}/incidents")
        fill_in(page, "newcomer", "first-password-1")
        expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
        page.goto(f"{desk.hub.url}/incidents")
        expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
        page.get_by_label("Current password").fill("first-password-1")
        page.get_by_label("New password", exact=True).fill(_USER_PASSWORD)
        page.get_by_label("New password again").fill(_USER_PASSWORD)
        page.get_by_role("button", name="Change and go on").click()
        expect(page).to_have_url(f"{desk.hub.url}/incidents")


def test_a_session_that_ends_leads_to_the_sign_in_and_back(desk: Desk) -> None:
    desk.open("/alerts?severity=CRITICAL&q=DiskFills1")
    expect(desk.page.locator("[data-row]").first).to_be_visible()
    desk.page.context.clear_cookies()
    desk.page.get_by_label("State").select_option("Resolved")
    expect(desk.page.get_by_text("Your session has ended.")).to_be_visible()
    fill_in(desk.page)
    expect(desk.page).to_have_url(re.compile(r"/alerts\?.*severity=CRITICAL&q=DiskFills1"))
    expect(desk.page.get_by_role("heading", name="Alerts")).to_be_visible()


def test_a_hub_that_goes_away_is_told_and_what_was_missed_is_read_when_it_is_back(desk: Desk) -> None:
    desk.open("/alerts?q=WhileAway")
    expect(desk.page.get_by_text("No alert matches these filters")).to_be_visible()
    desk.hub.kill()
    expect(desk.page.get_by_text("Reconnecting: the hub’s live line is lost")).to_be_visible(timeout=10_000)
    expect(desk.page.locator("link[rel=icon]")).to_have_attribute("href", "/icon-lost.svg")
    desk.page.evaluate("window.stillTheSamePage = true")
    desk.hub.start()
    desk.fire("WhileAway")
    expect(desk.page.locator("[data-row]").first).to_contain_text("WhileAway", timeout=30_000)
    expect(desk.page.get_by_role("button", name="Live")).to_be_visible()
    assert not desk.browser.reloaded
