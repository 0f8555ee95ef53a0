"""However it is ended, the hub stops at once, says so in one line, and leaves no process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.lab.hub import Hub


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGTERM], [signal.SIGHUP], [signal.SIGINT] * 3],
    ids=["SIGTERM", "terminal closed", "Ctrl-C thrice"],
)
def test_the_hub_stops_at_once_and_says_so(hub: Hub, signals: list[signal.Signals]) -> None:
    written = len(hub.log)
    pid = hub.pid
    for number in signals:
        os.kill(pid, number)
        time.sleep(0.02)
    assert hub.stop() == 0
    assert hub.log[written:].splitlines() == ["AIOps NextGen is stopped."]
    assert hub.survivors() == []
    hub.start()
