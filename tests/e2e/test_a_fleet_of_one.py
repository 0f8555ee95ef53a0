"""The first page that anyone sees: the hub's own machine, live."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Browser, browser_missing
from tests.lab.hub import Hub

pytestmark = pytest.mark.skipif(browser_missing() is not None, reason=browser_missing() or "")


def test_the_first_page_shows_the_machine_live_and_how_far_each_band_has_been_learned() -> None:
    with Hub({"AIOPS_WATCH_HOST": "true"}) as hub, Browser(hub.url) as browser:
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
