from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, Role
from aiops.registry.needs import Filters
from aiops.registry.ports import ClusterType, Environment, State
from tests.registry.rig import ADMIN, FakePrometheus, Rig, person


async def names(rig: Rig, principal: Principal = ADMIN, **filters: object) -> list[str]:
    page = await rig.fleet.page(principal, msgspec.convert(filters, Filters), page_size=100, cursor=None)
    assert page.total == len(page.items)
    return [cluster.name for cluster in page.items]


async def test_pages_lose_and_repeat_nothing_while_the_fleet_changes(rig: Rig) -> None:
    for number in range(12):
        await rig.add(f"c-{number:02}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await rig.fleet.page(ADMIN, Filters(), page_size=5, cursor=cursor)
        seen += [cluster.name for cluster in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        if len(seen) == 5:
            # Before and behind the cursor: neither shifts what comes next.
            await rig.add("a-new")
            await rig.membership.remove(ADMIN, (await rig.fleet.by_name(ADMIN, "c-01")).id)
    assert seen == [f"c-{number:02}" for number in range(12)]
    assert page.total == 12


async def test_a_full_last_page_has_no_cursor(rig: Rig) -> None:
    for number in range(4):
        await rig.add(f"c-{number:02}")
    page = await rig.fleet.page(ADMIN, Filters(), page_size=4, cursor=None)
    assert (len(page.items), page.next_cursor, page.total) == (4, None, 4)


@pytest.mark.parametrize("cursor", ["%%%", "x", "AAAA", "¤"])
async def test_a_made_up_cursor_is_refused(rig: Rig, cursor: str) -> None:
    added = await rig.add("prod-1")
    with pytest.raises(Invalid, match="cursor"):
        await rig.fleet.page(ADMIN, Filters(), page_size=5, cursor=cursor)
    with pytest.raises(Invalid, match="cursor"):
        await rig.fleet.history(ADMIN, added.id, start=None, end=None, page_size=5, cursor=cursor)


async def test_filters_narrow_the_list(rig: Rig) -> None:
    await rig.add("eu-hub", cluster_type="HUB", environment="PRODUCTION", region="eu", display_name="Frankfurt 100%")
    await rig.add("eu-edge", cluster_type="EDGE", environment="LAB", region="eu")
    await rig.add("us-edge", cluster_type="EDGE", environment="PRODUCTION", region="us")
    assert await names(rig) == ["eu-edge", "eu-hub", "us-edge"]
    assert await names(rig, cluster_type=ClusterType.EDGE) == ["eu-edge", "us-edge"]
    assert await names(rig, environment=Environment.PRODUCTION, region="eu") == ["eu-hub"]
    assert await names(rig, name="EDGE") == ["eu-edge", "us-edge"]
    assert await names(rig, name="frank") == ["eu-hub"]
    assert await names(rig, name="100%") == ["eu-hub"]
    assert await names(rig, name="u_-") == []
    assert await names(rig, state=State.ONLINE) == []
    assert await names(rig, state=State.PROVISIONING) == ["eu-edge", "eu-hub", "us-edge"]


async def test_lists_and_counts_stay_within_scope(rig: Rig, prometheus: FakePrometheus, prometheus_url: str) -> None:
    mine = await rig.add("mine-1", prometheus_url, cluster_type="HUB")
    await rig.add("other-1", environment="LAB")
    await rig.job.tick()
    scoped = person(Role.VIEWER, mine.id)

    assert await names(rig, scoped) == ["mine-1"]
    assert await names(rig, scoped, name="other") == []
    assert await names(rig, person(Role.VIEWER)) == []
    whole, part = await rig.fleet.summary(ADMIN), await rig.fleet.summary(scoped)
    assert (whole.total, whole.health_score) == (2, 50)
    assert (whole.by_state[State.ONLINE], whole.by_state[State.OFFLINE]) == (1, 1)
    assert (part.total, part.health_score, part.by_state[State.OFFLINE]) == (1, 100, 0)
    assert part.by_environment[Environment.LAB] == 0
    assert (await rig.fleet.summary(person(Role.VIEWER))).health_score is None


async def test_history_is_paged_newest_first(rig: Rig, prometheus: FakePrometheus, prometheus_url: str) -> None:
    added = await rig.add("prod-1", prometheus_url)
    for _ in range(7):
        await rig.clock.advance(60)
        await rig.probing.refresh(ADMIN, added.id)
    times = []
    cursor: str | None = None
    while True:
        page = await rig.fleet.history(ADMIN, added.id, start=None, end=None, page_size=3, cursor=cursor)
        assert page.total == 7
        times += [point.at for point in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert times == [rig.clock.now() - timedelta(seconds=60 * back) for back in range(7)]

    start = rig.clock.now() - timedelta(seconds=90)
    page = await rig.fleet.history(ADMIN, added.id, start=start, end=None, page_size=20, cursor=None)
    assert page.total == 2
    with pytest.raises(Invalid, match="time zone"):
        await rig.fleet.history(ADMIN, added.id, start=start.replace(tzinfo=None), end=None, page_size=20, cursor=None)
