"""What operators say of findings changes what follows, visibly, and can be taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.feedback import Verdict
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Role
from aiops.observability.ports import Threshold
from tests.intelligence.test_incidents import CPU, ROOT, Hub, person
from tests.intelligence.test_watch_rules_live import NODE, all_of, give, watch

ANN = person(Role.OPERATOR, NODE)
CALM, LOUD = [{"a": 0.2}] * 30, [{"a": 0.35}] * 4


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def spike(hub: Hub) -> Anomaly:
    await give(hub, CPU, *CALM, *LOUD)
    (found,) = await all_of(hub)
    return found


async def reach(hub: Hub) -> tuple[float, float | None]:
    """How far the band reaches upwards, and how many times as far as learned."""
    (one,) = await hub.reading.expectations(ROOT)
    assert one.upper is not None
    assert one.expected is not None
    return round(one.upper - one.expected, 3), one.widened.factor if one.widened else None


async def test_noise_ends_the_finding_and_widens_the_band_of_its_series_for_two_weeks(hub: Hub) -> None:
    found = await spike(hub)
    learned, none = await reach(hub)
    assert none is None
    await hub.feedbacks.give(ANN, found.id, Verdict.NOISE, "nightly backup")

    (ended,) = await all_of(hub)
    assert ended.end_reason == "ann called it noise"
    said = (await hub.reading.said_of(ROOT, [ended]))[found.id]
    assert (said.by, said.until) == ("ann", hub.clock.now() + timedelta(days=14))
    told = (await hub.only()).timeline
    assert any("ann called it noise (nightly backup): its band is 1.6" in row.text for row in told)

    await give(hub, CPU, *CALM, *LOUD, *CALM, *LOUD)
    assert len(await all_of(hub)) == 1, "what lies in the wider band is no finding"
    wide, factor = await reach(hub)
    assert factor == said.factor
    assert wide == pytest.approx(learned * said.factor, rel=0.1)
    await give(hub, CPU, *CALM, *[{"a": 0.6}] * 4)
    assert "widened 1.6" in (await all_of(hub))[0].explanation, (
        "what lies beyond is one, and says how wide its band was"
    )


async def test_a_restart_keeps_what_was_said_and_two_weeks_end_it(hub: Hub) -> None:
    await hub.feedbacks.give(ANN, (await spike(hub)).id, Verdict.NOISE)
    hub.start()
    await give(hub, CPU, *CALM, *LOUD)
    assert len(await all_of(hub)) == 1
    await hub.clock.advance(15 * 86_400)
    await give(hub, CPU, *CALM, *LOUD)
    assert len(await all_of(hub)) == 2
    assert (await reach(hub))[1] is None


@pytest.mark.parametrize("how", ["taken back", "called real"])
async def test_what_was_said_can_be_undone(hub: Hub, how: str) -> None:
    found = await spike(hub)
    await hub.feedbacks.give(ANN, found.id, Verdict.NOISE)
    await give(hub, CPU, *CALM)
    if how == "taken back":
        await hub.feedbacks.take_back(ANN, found.id)
        assert await hub.reading.said_of(ROOT, [found]) == {}
        with pytest.raises(NotFound):
            await hub.feedbacks.take_back(ANN, found.id)
    else:
        await hub.feedbacks.give(ANN, found.id, Verdict.REAL)
    await give(hub, CPU, *LOUD)
    assert (await reach(hub))[1] is None
    assert [one.ended_at is None for one in await all_of(hub)] == [True, False]


async def test_noise_that_goes_far_beyond_any_band_is_quiet_until_it_is_over(hub: Hub) -> None:
    await give(hub, CPU, *CALM, *[{"a": 0.95}] * 4)
    (found,) = await all_of(hub)
    await hub.feedbacks.give(ANN, found.id, Verdict.NOISE)
    await give(hub, CPU, *[{"a": 0.95}] * 10)
    hub.start()
    await give(hub, CPU, *[{"a": 0.95}] * 10)
    assert len(await all_of(hub)) == 1
    await give(hub, CPU, *CALM, *[{"a": 0.95}] * 4)
    assert len(await all_of(hub)) == 2


async def test_noise_at_a_fixed_limit_is_quiet_until_the_value_is_back(hub: Hub) -> None:
    limited = watch(threshold=Threshold(above=0.9), learned=False)
    await give(hub, limited, {"a": 0.95})
    await hub.feedbacks.give(ANN, (await all_of(hub))[0].id, Verdict.NOISE)
    await give(hub, limited, *[{"a": 0.95}] * 5)
    assert len(await all_of(hub)) == 1
    await give(hub, limited, *[{"a": 0.2}] * 3, {"a": 0.95})
    assert len(await all_of(hub)) == 2


async def test_a_silent_series_that_is_noise_is_not_waited_for_any_longer(hub: Hub) -> None:
    listened = watch(silence_s=60.0)
    await give(hub, listened, *[{"a": 0.2, "b": 0.2}] * 50, *[{"b": 0.2}] * 5)
    await hub.feedbacks.give(ANN, (await all_of(hub))[0].id, Verdict.NOISE)
    await give(hub, listened, *[{"b": 0.2}] * 20)
    assert len(await all_of(hub)) == 1


async def test_only_an_operator_who_sees_the_cluster_says_anything(hub: Hub) -> None:
    found = await spike(hub)
    with pytest.raises(PermissionDenied):
        await hub.feedbacks.give(person(Role.VIEWER, NODE), found.id, Verdict.NOISE)
    stranger = person(Role.OPERATOR, new_id())
    with pytest.raises(NotFound):
        await hub.feedbacks.give(stranger, found.id, Verdict.NOISE)
    with pytest.raises(NotFound):
        await hub.feedbacks.take_back(stranger, found.id)
