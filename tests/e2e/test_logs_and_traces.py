"""Logs and traces as people read them in the console, on two clusters of which one is away."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Browser, browser_missing
from tests.gateway.seeds import keep_log_pattern
from tests.lab.hub import Hub
from tests.lab.loki import LokiPeer
from tests.lab.tempo import Made, TempoPeer

pytestmark = pytest.mark.skipif(browser_missing() is not None, reason=str(browser_missing()))

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
TRACE = "00" + "5e" * 15
QUERY = '{app="shop"}'


class Room:
    """A hub with the cluster `east`, whose logs and traces are there, and `away`, which does not answer."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.loki, self.tempo = stack.enter_context(LokiPeer()), stack.enter_context(TempoPeer())
        self._fill()
        self.hub = stack.enter_context(Hub())
        client = stack.enter_context(self.hub.client())
        nowhere = "http://127.0.0.1:9"
        self.clusters: dict[str, str] = {}
        for name, loki, tempo in (("east", self.loki.url, self.tempo.url), ("away", nowhere, nowhere)):
            body = {"name": name, "prometheus_url": nowhere, "loki_url": loki, "tempo_url": tempo}
            made = client.post("/api/v1/clusters", json=body)
            made.raise_for_status()
            self.clusters[name] = made.json()["id"]
        self.browser = stack.enter_context(Browser(self.hub.url))
        self.browser.sign_in()
        self.page: Page = self.browser.page

    def _fill(self) -> None:
        now = time.time_ns() - 60 * 10**9
        for number in range(30):
            word = "error: no stock" if number % 10 == 0 else "sold one"
            pod = f"pod-{number % 2}"
            self.loki.push({"app": "shop", "pod": pod}, f"{word} {number}", now + number * 10**9, {"trace_id": TRACE})
        ids = [f"{number:016x}" for number in range(1, 5)]
        self.tempo.add(
            Made(TRACE, ids[0], None, "GET /cart", "shop", now, 500 * 10**6),
            Made(TRACE, ids[1], ids[0], "POST /pay", "bank", now + 10**8, 300 * 10**6, error=True),
            Made(TRACE, ids[2], ids[1], "SELECT", "pg", now + 2 * 10**8, 10**8, attributes={"db.system": "pg"}),
            Made(TRACE, ids[3], ids[0], "render", "shop", now + 4 * 10**8, 5 * 10**7),
        )

    def new_trace(self, number: int, name: str) -> None:
        trace_id = f"{number:032x}"
        self.tempo.add(Made(trace_id, f"{number:016x}", None, name, "shop", time.time_ns() - 10**9, 10**8))

    def open(self, path: str) -> None:
        self.page.goto(self.hub.url + path)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with contextlib.ExitStack() as stack:
        yield Room(stack)


def test_a_query_is_completed_asked_and_narrowed_by_a_label_of_a_line(room: Room) -> None:
    room.open("/logs")
    field = room.page.get_by_role("textbox", name="LogQL")
    field.press_sequentially("{ap")
    expect(room.page.get_by_role("option", name="app")).to_be_visible()
    field.press("ArrowDown")
    field.press("Enter")
    field.press_sequentially("sh")
    room.page.get_by_role("option", name="shop").click()
    field.press("}")
    expect(field).to_have_value(QUERY)
    field.press("Enter")
    lines = room.page.get_by_role("list", name="Log lines").get_by_role("listitem")
    expect(lines).to_have_count(30)
    expect(lines.first).to_contain_text("sold one 29")
    expect(lines.nth(9)).to_contain_text("error: no stock 20")
    expect(lines.nth(9)).to_contain_text(re.compile("error.*east"))
    expect(room.page.get_by_text("1 of 2 clusters answered; away failed")).to_be_visible()
    expect(room.page.get_by_role("img", name=re.compile("Lines by level"))).to_be_visible()
    lines.first.get_by_role("button").click()
    room.page.get_by_role("button", name="Only pod pod-1").click()
    expect(lines).to_have_count(15)
    assert 'pod="pod-1"' in field.input_value()
    room.browser.shoot("logs")


def test_a_pattern_is_found_in_other_words_and_leads_to_those_like_it(room: Room) -> None:
    for marker in ("east-1", "east-2"):
        keep_log_pattern(room.hub, room.clusters["east"], marker)
    room.open("/patterns")
    room.page.get_by_role("textbox", name="Search patterns").fill("the volume is full")
    found = room.page.get_by_role("list", name="Patterns that were found").get_by_role("button")
    # First they have to be looked at, which is done every ten seconds.
    expect(found.first).to_contain_text("No space left on", timeout=40_000)
    # Which of them depends on what is installed.
    expect(room.page.get_by_role("status").filter(has_text=re.compile("by (meaning|words)"))).to_be_visible()
    room.browser.shoot("patterns-found")
    found.first.click()
    room.page.get_by_role("button", name="Find logs like this").click()
    # The hub reads the lab's Loki meanwhile: what it finds there may be a little like this too.
    alike = room.page.get_by_role("list", name="Patterns like this").get_by_role("button")
    alike = alike.filter(has_text="No space left on")
    expect(alike).to_have_count(1)
    alike.click()
    expect(room.page).to_have_url(re.compile("open="))


def test_the_tail_shows_what_is_written_and_stands_still_when_paused(room: Room) -> None:
    room.open(f"/logs?q={QUERY}&tail=true")
    tail = room.page.get_by_role("region", name="Live tail")
    expect(tail.get_by_text("Following 1 cluster")).to_be_visible()
    expect(tail.get_by_text("Not followed: away")).to_be_visible()
    room.loki.push({"app": "shop"}, "a fresh line")
    expect(tail.get_by_text("a fresh line")).to_be_visible()
    tail.get_by_role("button", name="Pause the tail").click()
    room.loki.push({"app": "shop"}, "a later line")
    expect(tail.get_by_role("button", name="Go on, 1 new")).to_be_visible()
    expect(tail.get_by_text("a later line")).to_have_count(0)
    tail.get_by_role("button", name="Go on, 1 new").click()
    expect(tail.get_by_text("a later line")).to_be_visible()
    room.browser.shoot("logs-tail")


def test_a_pattern_tells_how_bad_it_is_and_leads_to_its_lines(room: Room) -> None:
    room.open("/patterns")
    table = room.page.get_by_role("table", name="Log patterns")
    bad = table.get_by_role("row").filter(has_text="error: no stock <*>")
    expect(bad).to_be_visible(timeout=45_000)
    expect(bad).to_contain_text(re.compile("High.*east"))
    left_out = room.page.get_by_role("list", name="What was not looked at")
    expect(left_out).to_contain_text("away", timeout=30_000)
    room.page.get_by_label("Severity").select_option("HIGH")
    expect(table.get_by_role("row").filter(has_text="sold one")).to_have_count(0)
    bad.press("Enter")
    drawer = room.page.get_by_role("dialog")
    expect(drawer.get_by_role("region", name="Latest lines").get_by_role("listitem")).to_have_count(3)
    expect(drawer.get_by_role("img", name=re.compile("3 lines of this pattern"))).to_be_visible()
    room.browser.shoot("log-pattern")
    drawer.get_by_role("link", name="All its lines in Logs").click()
    expect(room.page).to_have_url(re.compile("/logs"))
    expect(room.page.get_by_role("list", name="Log lines").get_by_role("listitem")).to_have_count(3)


def test_a_new_trace_shows_by_itself(room: Room) -> None:
    room.open("/traces")
    rows = room.page.get_by_role("row")
    expect(rows).to_have_count(2)
    # What the page asks by itself is not yet a look for news.
    room.page.wait_for_load_state("networkidle")
    before = len(room.tempo.requests)
    _until(lambda: len(room.tempo.requests) > before + 2, "the hub looks for news")
    room.new_trace(1, "GET /new")
    expect(room.page.get_by_role("link", name="GET /new")).to_be_visible(timeout=30_000)
    expect(rows).to_have_count(3)
    room.browser.shoot("traces-live")


def _until(done: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
        time.sleep(0.1)


def test_a_trace_is_found_walked_by_keys_and_leads_to_its_logs_and_back(room: Room) -> None:
    room.open("/traces")
    room.page.get_by_label("Service").select_option("bank")
    room.page.get_by_role("button", name="Search", exact=True).click()
    room.page.get_by_role("link", name="GET /cart").click()
    tree = room.page.get_by_role("tree", name="Spans")
    rows = tree.get_by_role("treeitem")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("error")
    expect(room.page.get_by_text("1 of 2 clusters answered; away failed")).to_be_visible()
    tree.focus()
    for key in ("ArrowDown", "ArrowDown"):
        room.page.keyboard.press(key)
    expect(room.page.get_by_label("The span")).to_contain_text("db.system")
    for key in ("ArrowLeft", "ArrowLeft"):
        room.page.keyboard.press(key)
    expect(rows).to_have_count(3)
    room.browser.shoot("trace")
    room.page.get_by_role("link", name="Logs of this trace").click()
    expect(room.page).to_have_url(re.compile("/logs"))
    assert TRACE in room.page.get_by_role("textbox", name="LogQL").input_value()


@pytest.mark.skipif(not _AXE.exists(), reason="axe is not installed (make web)")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_pages_have_no_barrier_that_axe_knows(room: Room, scheme: str) -> None:
    room.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    logs = ("/logs", f"/logs?q={QUERY}&wrap=true", f"/logs?q={QUERY}&tail=true", "/patterns", "/patterns?q=stock")
    for path in (*logs, "/traces", f"/traces/{TRACE}"):
        room.open(path)
        expect(room.page.get_by_label("Loading")).to_have_count(0, timeout=15_000)
        room.page.evaluate(_AXE.read_text())
        found = room.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html.slice(0, 200)]))")
        assert found == [], path


def test_nothing_broke_meanwhile(room: Room) -> None:
    # Chromium tells of every answer that is no success, and Playwright's scripts are none of the hub's.
    told = [one for one in room.browser.problems if "status of" not in one and "Content Security" not in one]
    assert not told
