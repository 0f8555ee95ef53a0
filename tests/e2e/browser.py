"""Chromium on the console, as a person uses it; screenshots go to `.run/screenshots`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from playwright.sync_api import ConsoleMessage, Error, Page, expect, sync_playwright

from tests.lab.hub import ADMIN_PASSWORD

_SHOTS = Path(__file__).parents[2] / ".run" / "screenshots"
_CONSOLE = Path(__file__).parents[2] / "src" / "aiops" / "gateway" / "console" / "index.html"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def browser_missing() -> str | None:
    """Why there is nothing to see here, or None."""
    if _chromium() is None:
        return "no Chromium on this machine (apt install chromium)"
    return None if _CONSOLE.exists() else "the console is not built (make web)"


class Browser:
    """One page, signed in as the admin; `problems` are the errors that its console showed."""

    def __init__(self, url: str, width: int = 1440, height: int = 900) -> None:
        self.url = url
        self.problems: list[str] = []
        self._size = (width, height)

    def __enter__(self) -> Self:
        self._playwright = sync_playwright().start()
        try:
            self._chromium = self._playwright.chromium.launch(executable_path=_chromium(), args=list(_FLAGS))
            width, height = self._size
            self.page: Page = self._chromium.new_page(viewport={"width": width, "height": height})
            self.page.on("console", self._heard)
            self.page.on("pageerror", self._broke)
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._chromium.close()
        self._playwright.stop()

    def sign_in(self) -> None:
        self.page.goto(self.url)
        fill_in(self.page)
        expect(self.page.get_by_role("navigation").first).to_be_visible()
        # What the page says before somebody is known (401) is no problem.
        self.problems.clear()

    @contextmanager
    def stranger(self) -> Iterator[Page]:
        """A page of somebody who is not signed in."""
        context = self._chromium.new_context(viewport={"width": self._size[0], "height": self._size[1]})
        try:
            yield context.new_page()
        finally:
            context.close()

    def open_incidents(self) -> None:
        """Sign in and go to the list of incidents; `reloaded` tells from then on whether it was loaded anew."""
        self.sign_in()
        self.page.get_by_role("link", name="Incidents").first.click()
        expect(self.page).to_have_url(f"{self.url}/incidents")
        self.page.evaluate("window.stillTheSamePage = true")

    @property
    def reloaded(self) -> bool:
        return self.page.evaluate("window.stillTheSamePage !== true") is True

    def shoot(self, name: str) -> Path:
        _SHOTS.mkdir(parents=True, exist_ok=True)
        path = _SHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def _broke(self, error: Error) -> None:
        self.problems.append(str(error))


def fill_in(page: Page, username: str = "admin", password: str = ADMIN_PASSWORD) -> None:
    """The form of the sign-in that is in sight."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def _chromium() -> str | None:
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
