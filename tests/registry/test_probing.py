from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from aiohttp import web
from sqlalchemy import text

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.principal import Role
from aiops.registry.ports import Cluster, Connectivity, State
from aiops.registry.service import ClusterChange, NewCluster
from aiops.registry.service.uptimes import UptimeRecords
from aiops.registry.store import SqlClusterStore
from tests.registry.rig import ADMIN, FakePrometheus, Rig, person, rig_on, serving

HOST = msgspec.convert({"name": "host-1", "platform": "HOST"}, NewCluster)


async def status_changes(rig: Rig) -> list[str]:
    return [state for event, state in await rig.events() if event == "CLUSTER_STATUS_CHANGED"]


async def pass_by(rig: Rig, seconds: int) -> None:
    for _ in range(seconds):
        await rig.clock.advance(1)
        await rig.job.tick()


async def now(rig: Rig, cluster: Cluster) -> State:
    return (await rig.fleet.get(ADMIN, cluster.id)).status.state


async def test_only_changes_of_status_are_stated_and_every_probe_is_kept(
    rig: Rig, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    added = await rig.add("hub-1", prometheus_url, cluster_type="HUB")
    assert await rig.job.tick() == 1
    await pass_by(rig, 40)
    prometheus.up = False
    await pass_by(rig, 40)

    found = await rig.fleet.get(ADMIN, added.id)
    assert (found.status.state, found.status.connectivity) == (State.OFFLINE, Connectivity.DISCONNECTED)
    assert found.status.health_score == 0
    assert "503" in (found.status.endpoints["prometheus"].error or "")
    assert found.last_seen_at is not None
    assert found.last_seen_at < rig.clock.now() - timedelta(seconds=25)
    assert await status_changes(rig) == ["ONLINE", "OFFLINE"]

    history = await rig.fleet.history(ADMIN, added.id, start=None, end=None, page_size=100, cursor=None)
    assert [point.state for point in history.items] == [State.OFFLINE] * (history.total - 3) + [State.ONLINE] * 3
    assert history.total >= 5


async def test_the_time_that_a_cluster_was_up_is_counted_as_its_probes_found_it(
    rig: Rig, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    added = await rig.add("hub-1", prometheus_url, cluster_type="HUB")
    await rig.job.tick()
    await pass_by(rig, 120)
    prometheus.up = False
    await pass_by(rig, 120)

    records = UptimeRecords(rig.database, SqlClusterStore())
    today = rig.clock.now()
    (found,) = await records.between(ADMIN, today, today)
    assert found.cluster_id == added.id
    assert found.known_s == pytest.approx(240, abs=17)
    assert found.up_s == pytest.approx(120, abs=34)
    assert await records.between(person(Role.VIEWER), today, today) == []


async def test_each_cluster_is_probed_at_its_own_pace(
    rig: Rig, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    for name, kind in (("hub-1", "HUB"), ("spoke-1", "SPOKE"), ("far-1", "FAR_EDGE")):
        await rig.add(name, f"{prometheus_url}/{name}", cluster_type=kind)
    await rig.job.tick()
    await pass_by(rig, 240)
    counts = {name: sum(name in path for path in prometheus.seen) for name in ("hub-1", "spoke-1", "far-1")}
    # One at the start, then one an interval of 15, 30 or 120 s, give or take a tenth and a tick.
    assert 14 <= counts["hub-1"] <= 19
    assert 7 <= counts["spoke-1"] <= 10
    assert 2 <= counts["far-1"] <= 4


async def test_a_server_that_comes_and_goes_is_intermittent(
    rig: Rig, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    added = await rig.add("edge-1", prometheus_url)
    for up in (True, False, True):
        prometheus.up = up
        await rig.clock.advance(1)
        found = await rig.probing.refresh(ADMIN, added.id)
    assert (found.status.state, found.status.connectivity) == (State.ONLINE, Connectivity.INTERMITTENT)


async def test_a_probe_signs_in_with_the_stored_credentials(
    rig: Rig, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    prometheus.authorization = "Bearer right"
    right = await rig.add("right-1", prometheus_url, bearer_token="right")
    wrong = await rig.add("wrong-1", prometheus_url)
    await rig.job.tick()
    assert await now(rig, right) is State.ONLINE
    assert await now(rig, wrong) is State.OFFLINE


async def test_credentials_under_another_key_are_an_error_of_the_endpoint(rig: Rig) -> None:
    added = await rig.add("prod-1", bearer_token="secret")
    async with rig.database.begin() as tx:
        await tx.connection.execute(
            text("UPDATE registry.clusters SET secrets = decode('02' || repeat('00', 60), 'hex')")
        )
        await tx.commit()
    found = await rig.probing.refresh(ADMIN, added.id)
    assert found.status.state is State.OFFLINE
    assert "AIOPS_SECRET_KEY" in (found.status.endpoints["prometheus"].error or "")


async def test_a_slow_cluster_holds_up_no_other(rig: Rig, prometheus: FakePrometheus, prometheus_url: str) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    async with serving(silent) as silent_url:
        await rig.add("slow-1", silent_url)
        quick = await rig.add("quick-1", prometheus_url)
        running = asyncio.create_task(rig.job.run())
        try:
            async with asyncio.timeout(5):
                while await now(rig, quick) is not State.ONLINE:
                    await asyncio.sleep(0.05)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_host_is_online_while_its_samples_are_fresh(rig: Rig) -> None:
    host = await rig.membership.add(ADMIN, HOST)
    await rig.job.start()
    assert await now(rig, host) is State.PROVISIONING

    await rig.fleet.saw_samples(ADMIN, host.id, rig.clock.now())
    assert await now(rig, host) is State.ONLINE
    await pass_by(rig, 25)
    assert await now(rig, host) is State.ONLINE
    await pass_by(rig, 20)
    assert await now(rig, host) is State.OFFLINE
    await rig.fleet.saw_samples(ADMIN, host.id, rig.clock.now())
    assert await now(rig, host) is State.ONLINE
    assert await status_changes(rig) == ["ONLINE", "OFFLINE", "ONLINE"]


async def test_after_a_restart_a_host_is_given_time_to_speak(rig: Rig) -> None:
    host = await rig.membership.add(ADMIN, HOST)
    await rig.fleet.saw_samples(ADMIN, host.id, rig.clock.now())
    await rig.clock.advance(3600)
    await rig.job.start()
    await pass_by(rig, 20)
    assert await now(rig, host) is State.ONLINE
    await pass_by(rig, 25)
    assert await now(rig, host) is State.OFFLINE


async def test_samples_from_the_future_do_not_keep_a_silent_host_online(rig: Rig) -> None:
    host = await rig.membership.add(ADMIN, HOST)
    await rig.fleet.saw_samples(ADMIN, host.id, rig.clock.now() + timedelta(days=1))
    await pass_by(rig, 45)
    assert await now(rig, host) is State.OFFLINE


async def test_history_is_forgotten_after_a_week(rig: Rig, prometheus_url: str) -> None:
    added = await rig.add("prod-1", prometheus_url)
    await rig.probing.refresh(ADMIN, added.id)
    await rig.clock.advance(6 * 86400)
    assert await rig.job.forget() == 0
    await rig.clock.advance(86400 + 1)
    assert await rig.job.forget() == 1


async def test_this_machine_is_made_once_and_stays_removed(database: Database, clock: VirtualClock) -> None:
    async with rig_on(database, clock, watch_host=True) as rig:
        await rig.job.start()
        await rig.job.start()
        local = await rig.fleet.local(ADMIN)
        assert local is not None
        assert [cluster.name for cluster in await rig.fleet.visible(ADMIN)] == ["local"]
        assert await rig.fleet.local(person(Role.ADMIN)) is None

        await rig.membership.remove(ADMIN, local.id)
        await rig.job.start()
        assert await rig.fleet.visible(ADMIN) == []
        assert await rig.fleet.local(ADMIN) is None


async def test_a_prometheus_on_this_machine_is_offered_until_it_is_registered(
    database: Database, clock: VirtualClock, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    async with rig_on(database, clock, offered_url=prometheus_url) as rig:
        for _ in range(3):
            offers = await rig.probing.offers(ADMIN)
        assert [(offer.name, offer.version) for offer in offers] == [("local-prometheus", "2.42.0")]
        assert len(prometheus.seen) == 1
        assert await rig.fleet.visible(ADMIN) == []
        assert await rig.probing.offers(person(Role.ADMIN)) == []

        await rig.add(offers[0].name, prometheus_url.replace("127.0.0.1", "localhost"))
        assert await rig.probing.offers(ADMIN) == []


async def test_nothing_is_offered_where_nothing_listens(database: Database, clock: VirtualClock) -> None:
    async with rig_on(database, clock, offered_url="http://127.0.0.1:1") as rig:
        assert await rig.probing.offers(ADMIN) == []


@pytest.mark.parametrize("gone", [True, False])
async def test_a_finding_about_what_has_changed_meanwhile_is_dropped(rig: Rig, gone: bool) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def handler(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answer.wait()
        return web.Response(status=500)

    async with serving(handler) as url:
        added = await rig.add("prod-1", url)
        probing = asyncio.create_task(rig.probing.probe(ADMIN, added.id))
        await asked.wait()
        await rig.clock.advance(1)
        if gone:
            await rig.membership.remove(ADMIN, added.id)
        else:
            await rig.membership.change(ADMIN, added.id, ClusterChange(prometheus_url="http://127.0.0.1:2"))
        answer.set()
        await probing
    assert await status_changes(rig) == []
