"""Thresholds, silences and what people set, from batches to incidents, on a real database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest

from aiops.intelligence.domain.anomalies import Anomaly, AnomalyFilter
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.observability.events import WatchChanged
from aiops.observability.ports import Sensitivity, Severity, Threshold, Watch, WatchBatch
from tests.intelligence.test_incidents import CPU, ROOT, Hub

NODE = new_id()


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


def watch(**terms: Any) -> Watch:
    return msgspec.structs.replace(CPU, **terms)


async def give(hub: Hub, watched: Watch, *rounds: dict[str, float], cluster: UUID = NODE) -> None:
    """Every 15 s a batch with the values of these hosts."""
    for values in rounds:
        await hub.clock.advance(15)
        series = [{"instance": host} for host in values]
        at = hub.clock.now().timestamp()
        batch = WatchBatch(cluster, watched, at, 15.0, series, np.array(list(values.values())))
        await hub.watcher.take([batch])


async def all_of(hub: Hub, **only: Any) -> list[Anomaly]:
    found, _ = await hub.reading.anomalies(ROOT, AnomalyFilter(**only), 100, None)
    return found


async def test_a_fixed_limit_is_a_finding_from_the_first_value_with_nothing_learned(hub: Hub) -> None:
    limited = watch(threshold=Threshold(above=0.9), learned=False)
    await give(hub, limited, {"a": 0.95, "b": 0.2})
    (breach,) = await all_of(hub)
    assert (breach.kind, breach.labels, breach.severity) == ("THRESHOLD_BREACH", {"instance": "a"}, Severity.HIGH)
    assert (breach.expected, breach.lower, breach.upper) == (None, None, 0.9)
    assert "is 95 %, above its limit of 90 %, since" in breach.explanation
    (one, _) = await hub.reading.expectations(ROOT)
    assert (one.learning, one.lower) == (None, None)
    await give(hub, limited, *[{"a": 0.2, "b": 0.2}] * 3)
    assert [one.end_reason for one in await all_of(hub)] == ["back within its limit"]


async def test_a_spike_that_passes_its_limit_stays_one_finding_and_says_so(hub: Hub) -> None:
    limited = watch(threshold=Threshold(above=0.9))
    await give(hub, limited, *[{"a": 0.2}] * 30, *[{"a": 0.5}] * 4)
    assert [one.kind for one in await all_of(hub)] == ["SPIKE"]
    await give(hub, limited, {"a": 0.95})
    (one,) = await all_of(hub)
    assert one.kind == "THRESHOLD_BREACH"
    assert one.ended_at is None


async def test_a_node_that_stops_is_a_silence_and_a_restart_does_not_forget_it(hub: Hub) -> None:
    listened = watch(silence_s=60.0)
    await give(hub, listened, *[{"a": 0.2, "b": 0.2}] * 50, *[{"b": 0.2}] * 2)
    hub.start()
    await give(hub, listened, *[{"b": 0.2}] * 3)
    (silence,) = await all_of(hub)
    assert (silence.kind, silence.value, silence.labels) == ("SILENCE", None, {"instance": "a"})
    assert (hub.clock.now() - silence.started_at).total_seconds() == 75
    assert (await hub.only()).view.title == "CPU of a silent"
    hub.start()
    await give(hub, listened, {"a": 0.2, "b": 0.2})
    assert [one.end_reason for one in await all_of(hub)] == ["values came again"]


async def test_what_stays_at_its_new_level_turns_out_to_be_a_change_of_trend(hub: Hub) -> None:
    await give(hub, CPU, *[{"a": 0.2}] * 30, *[{"a": 0.6}] * 130)
    (one,) = await all_of(hub)
    assert one.kind == "TREND_CHANGE"
    assert one.end_reason is not None
    assert one.end_reason.startswith("new normal")


async def test_a_watch_that_is_changed_ends_what_it_found_and_learns_anew(hub: Hub) -> None:
    limited = watch(threshold=Threshold(above=0.9))
    await give(hub, limited, *[{"a": 0.2}] * 25, {"a": 0.95})
    async with hub.database.begin() as tx:
        event = WatchChanged(
            event_id=new_id(), occurred_at=hub.clock.now(), watch="node_cpu", change="DELETED", by="ann",
            begins_anew=True,
        )  # fmt: skip
        tx.publish(event)
        await tx.commit()
    await hub.dispatcher.step()
    (one,) = await all_of(hub)
    assert one.end_reason == "ann deleted the watch"
    assert hub.watcher.tracks() == []


async def test_the_more_sensitive_a_watch_the_smaller_what_it_tells(hub: Hub) -> None:
    jumps, noise = (0.535, 0.563, 0.59, 0.65), np.random.default_rng(1).normal(0.5, 0.02, 60).tolist()
    told = {}
    for sensitivity in Sensitivity:
        readily = watch(sensitivity=sensitivity, minimum=0.0)
        rounds = [dict.fromkeys("abcd", value) for value in noise]
        cluster = new_id()
        await give(hub, readily, *rounds, *[dict(zip("abcd", jumps, strict=True))] * 3, cluster=cluster)
        told[sensitivity] = len(await all_of(hub, cluster_id=cluster))
    assert list(told.values()) == [1, 2, 3, 4]
