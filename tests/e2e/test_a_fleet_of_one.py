"""The first page that anyone sees: the hub's own machine, live."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Browser, browser_missing
from tests.e2e.rig import token_of
from tests.lab.hub import Hub


@pytest.fixture(scope="module")
def own_hub() -> Iterator[Hub]:
    with Hub({"AIOPS_WATCH_HOST": "true"}) as hub:
        yield hub


@pytest.mark.skipif(browser_missing() is not None, reason=browser_missing() or "")
def test_the_first_page_shows_the_machine_live_and_how_far_each_band_has_been_learned(own_hub: Hub) -> None:
    with Browser(own_hub.url) as browser:
        browser.sign_in()
        page = browser.page
        watched = page.get_by_role("region", name="Watched series")
        for title in ("CPU in use", "Memory in use", "Disk space in use", "Network received"):
            expect(watched.get_by_role("heading", name=title)).to_be_visible(timeout=30_000)
        learning = watched.get_by_text(re.compile(r"Learning what is normal, \d+ of 36 samples")).first
        expect(learning).to_be_visible()
        seen = learning.inner_text()
        expect(learning).not_to_have_text(seen, timeout=20_000)
        assert browser.problems == []


def test_a_rule_is_tried_on_the_machines_past_from_the_command_line(own_hub: Hub) -> None:
    with own_hub.client() as admin:
        environment = {**os.environ, "AIOPS_TOKEN": token_of(admin)}
    asked = ["--cluster", "local", "--rule", "node_memory_MemTotal_bytes > 0", "--days", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "aiops", "backtest", "--url", own_hub.url, *asked],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, counted = done.stdout.splitlines()
    assert "THRESHOLD_BREACH" in found
    assert counted.startswith("1 finding from ")
