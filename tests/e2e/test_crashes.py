"""Kill -9 of the hub, of its database and of both, under load: nothing acknowledged is lost, nothing happens twice."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest

from tests.e2e.crashing import DEPTH, Depths, Load, effects, findings, kept_samples, undelivered
from tests.e2e.rig import items, wait_until
from tests.lab.hub import Hub, add_source

_SEED = 20261121


class Victim:
    """A hub with one source that pushes, and the count of what it ever acknowledged."""

    def __init__(self, stack: ExitStack) -> None:
        self.hub = stack.enter_context(Hub())
        with self.hub.client() as admin:
            reply = admin.post("/api/v1/clusters", json={"name": "pushing", "platform": "HOST"})
            assert reply.status_code == 201, reply.text
            self.cluster_id = reply.json()["id"]
            self.token = add_source(admin, "sender", self.cluster_id)["token"]
        self.samples: set[str] = set()
        self.alerts: set[str] = set()
        self.incidents: set[str] = set()

    def crash(self, name: str, kill: Callable[[Hub], None], after_s: float) -> None:
        """Run a load, kill in its midst, let it go on against the hub that is back, and take stock."""
        with self.hub.client() as admin, Load(self.hub.url, self.token, name) as load:
            time.sleep(after_s)
            self.incidents |= {incident["id"] for incident in items(admin, "/api/v1/incidents", page_size="100")}
            kill(self.hub)
            self.come_back()
            acknowledged = len(load.samples)
            wait_until(lambda: len(load.samples) > acknowledged, "the first sample after the crash", 30)
        assert not load.refused, load.refused[:5]
        self.samples |= load.samples
        self.alerts |= load.alerts

    def come_back(self) -> None:
        if not self._runs():
            wait_until(lambda: not self.hub.survivors(), f"the end of {self.hub.survivors()}", 15)
            self.hub.start()
        wait_until(self._is_ready, "a hub that is ready again", 60)

    def check(self) -> None:
        with self.hub.client() as admin:
            lost = self.samples - kept_samples(admin, self.cluster_id)
            assert not lost, f"{len(lost)} of {len(self.samples)} acknowledged samples are lost: {sorted(lost)[:5]}"
            for incident_id in self.incidents:
                assert admin.get(f"/api/v1/incidents/{incident_id}").status_code == 200
        wait_until(lambda: undelivered(self.hub) == 0, "the delivery of every event", 60)
        alerts, gathered, twice = effects(self.hub)
        assert self.alerts <= alerts, f"lost alerts: {sorted(self.alerts - alerts)[:5]}"
        assert gathered == alerts, f"alerts of no incident: {sorted(alerts ^ gathered)[:5]}"
        assert not twice, twice[:5]
        assert not self.hub.survivors()

    def _runs(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return str(psutil.Process(self.hub.pid).status()) != psutil.STATUS_ZOMBIE
        return False

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.hub.url}/ready", timeout=5.0, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def _both(hub: Hub) -> None:
    hub.kill_postgres()
    hub.kill()


_KILLS: tuple[Callable[[Hub], None], ...] = (Hub.kill, Hub.kill_postgres, _both)


@pytest.fixture
def victim() -> Iterator[Victim]:
    with ExitStack() as stack:
        yield Victim(stack)


def _crash_often(victim: Victim, times: int) -> None:
    chance = random.Random(_SEED)
    for crash in range(times):
        victim.crash(f"crash{crash}", _KILLS[crash % len(_KILLS)], chance.uniform(0.5, 2.5))
        victim.check()
    assert victim.samples
    assert len(victim.alerts) >= times
    assert victim.incidents


def test_kill_9_of_the_hub_its_database_and_both_loses_nothing_and_doubles_nothing(victim: Victim) -> None:
    _crash_often(victim, 3)


# Thirty times as many are fewer series than a watch may look at.
_DEEP_A_CRASH = 6


def _crash_amid_findings(victim: Victim, times: int) -> None:
    chance = random.Random(_SEED)
    watch = {"name": DEPTH, "query": DEPTH, "threshold": {"above": 1}, "learned": False}
    with victim.hub.client() as admin, Depths(victim.hub.url, victim.token) as depths:
        admin.post("/api/v1/watches", json=watch).raise_for_status()
        known: dict[str, str] = {}
        for crash in range(times):
            # Evaluations come every 5 s: somewhere in there these become findings, and somewhere the blow falls.
            time.sleep(chance.uniform(0, 5))
            depths.deep |= {f"q{crash}-{number}" for number in range(_DEEP_A_CRASH)}
            time.sleep(chance.uniform(0.5, 6))
            _KILLS[crash % len(_KILLS)](victim.hub)
            victim.come_back()
            wait_until(lambda: set(findings(victim.hub)[0]) >= depths.deep, "a finding of every deep queue", 60)
            now, wrong = findings(victim.hub)
            assert set(now) == depths.deep
            assert not wrong, wrong[:5]
            assert {queue: now[queue] for queue in known} == known, "a finding that was there is another now"
            known = now


def test_kill_9_amid_findings_loses_none_and_doubles_none(victim: Victim) -> None:
    _crash_amid_findings(victim, 3)


@pytest.mark.soak
def test_thirty_kills_amid_findings_lose_none_and_double_none(victim: Victim) -> None:
    _crash_amid_findings(victim, 30)


@pytest.mark.soak
def test_thirty_kills_lose_nothing_and_double_nothing(victim: Victim) -> None:
    _crash_often(victim, 30)
