"""When samples are gone, their buckets answer as the samples did, or say that they can't."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from zstandard import ZstdDecompressor

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, Unavailable
from aiops.kernel.ids import new_id
from aiops.observability.needs import StoredSeries
from aiops.observability.ports import Sample
from aiops.observability.promql import EvalResult, evaluate, parse
from aiops.observability.store.encoding import Batch
from aiops.observability.store.partitions import Keeping
from aiops.observability.store.rollups import decode_rollup, encode_rollup, roll
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob

CLUSTER = new_id()
DAY_S, HOUR_S = 86_400, 3600
KEEPING = Keeping(raw=1, minute=3, five_minutes=5, total=9)
STALE = float(np.array([0x7FF0000000000002], dtype=np.uint64).view(np.float64)[0])

EXACT = [
    "counter",
    "gauge offset 30m",
    "rate(counter[15m])",
    "increase(counter[30m])",
    "delta(gauge[15m])",
    *[f"{name}_over_time(gauge[15m])" for name in ("avg", "min", "max", "sum", "count", "last", "present")],
    "avg_over_time(odd[30m])",
    "max_over_time(odd[15m])",
    "sum by (kind) (rate(counter[15m]))",
    "rate(mixed[30m])",
    "sparse",
    "count_over_time(sparse[1h])",
    "rate(sparse[1h])",
    "gauge > 20",
    "absent(ended)",
]


def counter(chance: random.Random, start: float, step: float, places: int) -> list[tuple[float, float]]:
    value, points = 0.0, []
    for place in range(int(6 * HOUR_S / step)):
        value = 0.0 if chance.random() < 0.01 else value + chance.uniform(0, 30)
        if chance.random() > 0.03:
            points.append((start + place * step + chance.uniform(-0.2, 0.2) * (place % 4), round(value, places)))
    return points


def made(start: float) -> list[Sample]:
    chance = random.Random(7)
    series: list[tuple[dict[str, str], list[tuple[float, float]]]] = []
    for kind, places in (("whole", 0), ("short", 3), ("long", 15)):
        series.append(({"__name__": "counter", "kind": kind}, counter(chance, start, 15, places)))
        gauge = [(start + at, round(chance.gauss(20, 5), places)) for at in range(0, 6 * HOUR_S, 15)]
        series.append(({"__name__": "gauge", "kind": kind}, [one for one in gauge if chance.random() > 0.1]))
    odd = [(start + at, math.inf if at % 1900 == 0 else at % 700) for at in range(0, 6 * HOUR_S, 20)]
    series.append(({"__name__": "odd"}, [(at, float(value)) for at, value in odd]))
    series.append(({"__name__": "mixed"}, counter(chance, start + 2 * HOUR_S + 7, 5, 2)))
    series.append(({"__name__": "sparse"}, [(start + at, at / 8) for at in range(0, 6 * HOUR_S, 840)]))
    ended = [(start + at, 1.0) for at in range(0, 3 * HOUR_S, 30)]
    series.append(({"__name__": "ended"}, [*ended, (start + 3 * HOUR_S, STALE)]))
    return [Sample(labels, at, value) for labels, points in series for at, value in points]


class Kept:
    def __init__(self, database: Database, clock: VirtualClock, keeping: Keeping = KEEPING) -> None:
        self.database, self.clock = database, clock
        self.store, self.job = PostgresSampleStore(), SealingJob(database, clock, keeping)

    async def append(self, samples: Sequence[Sample]) -> None:
        async with self.database.begin() as tx:
            await self.store.append(tx, CLUSTER, samples)
            await tx.commit()

    async def seal(self) -> None:
        while await self.job.seal():
            pass

    async def pass_days(self, days: float) -> None:
        await self.clock.advance(days * DAY_S)
        await self.seal()
        await self.job.forget()

    async def ask(self, query: str, start: float, end: float, step: float) -> tuple[EvalResult, tuple[str, ...]]:
        plan = parse(query)
        start_ms, end_ms = int(start * 1000), int(end * 1000)
        async with self.database.begin() as tx:
            data: list[list[StoredSeries]] = [
                await self.store.select(tx, [CLUSTER], one.matchers, *one.bounds(start_ms, end_ms))
                for one in plan.selectors
            ]
        result = evaluate(plan, data, start_ms, end_ms, int(step * 1000))
        return result, result.notes

    async def count(self, table: str) -> int:
        async with self.database.begin() as tx:
            return int((await tx.connection.execute(text(f"SELECT count(*) FROM observability.{table}"))).scalar_one())


def points(result: EvalResult) -> dict[Any, list[float | None]]:
    return {
        frozenset(labels.items()): [float(v) if there else None for v, there in zip(values, present, strict=True)]
        for labels, values, present in zip(result.labels, result.values, result.present, strict=True)
    }


def assert_same(one: EvalResult, other: EvalResult) -> None:
    ours, theirs = points(one), points(other)
    assert ours.keys() == theirs.keys()
    for labels, values in theirs.items():
        for place, (got, value) in enumerate(zip(ours[labels], values, strict=True)):
            assert (got is None) == (value is None), (labels, place)
            if got is not None and value is not None and not (math.isnan(got) and math.isnan(value)):
                assert got == value or math.isclose(got, value, rel_tol=1e-9), (labels, place, got, value)


@pytest.mark.parametrize(("days", "minutes"), [(3, 1), (5, 5), (7, 15)])
async def test_buckets_answer_as_the_samples_did(
    database: Database, clock: VirtualClock, days: int, minutes: int
) -> None:
    kept = Kept(database, clock)
    start = clock.now().timestamp()
    await kept.append(made(start))
    await clock.advance(9 * HOUR_S)
    await kept.seal()
    span = (start, start + 7 * HOUR_S, minutes * 60)
    before = [await kept.ask(query, *span) for query in EXACT]
    assert all(notes == () for _, notes in before)
    await kept.pass_days(days)
    assert await kept.count("chunk") == 0
    for query, (expected, _) in zip(EXACT, before, strict=True):
        found, notes = await kept.ask(query, *span)
        assert_same(found, expected)
        assert found.labels == [] or any(f"at {minutes} min resolution" in note for note in notes) or "ended" in query
        # In between, a step has the answer of the last edge.
        between, _ = await kept.ask(query, span[0] + minutes * 37, span[1] + minutes * 37, span[2])
        assert_same(between, expected)


async def test_a_range_shorter_than_a_bucket_is_widened_and_says_so(database: Database, clock: VirtualClock) -> None:
    kept = Kept(database, clock)
    start = clock.now().timestamp()
    await kept.append([Sample({"__name__": "c"}, start + at, 2.0 * at) for at in range(0, 4 * HOUR_S, 15)])
    await kept.pass_days(7)
    found, notes = await kept.ask("rate(c[5m])", start + HOUR_S, start + 3 * HOUR_S, 600)
    assert found.present.all()
    assert np.allclose(found.values, 2.0)
    assert [note.partition(" at ")[2] for note in notes] == ["15 min resolution, ranges widened to whole buckets"]
    found, _ = await kept.ask("increase(c[5m])", start + HOUR_S, start + 3 * HOUR_S, 600)
    assert np.allclose(found.values, 600.0)
    with pytest.raises(Invalid, match="count_over_time can't be computed over this range: before 2026-01-"):
        await kept.ask("count_over_time(c[5m])", start + HOUR_S, start + 3 * HOUR_S, 600)


@pytest.mark.parametrize("query", ["irate(c[15m])", "stddev_over_time(c[15m])", "quantile_over_time(0.5, c[15m])"])
async def test_what_buckets_do_not_tell_is_refused_by_name(database: Database, clock: VirtualClock, query: str) -> None:
    kept = Kept(database, clock)
    start = clock.now().timestamp()
    await kept.append([Sample({"__name__": "c"}, start + at, float(at)) for at in range(0, HOUR_S, 15)])
    await kept.pass_days(5)
    with pytest.raises(Invalid, match=f"{query.partition('(')[0]} can't be computed: before .* up to 5 min"):
        await kept.ask(query, start, start + HOUR_S, 60)


async def test_a_range_goes_from_buckets_to_samples_without_a_seam(database: Database, clock: VirtualClock) -> None:
    kept = Kept(database, clock, Keeping(raw=1, minute=2, five_minutes=3, total=9))
    start = clock.now().timestamp()
    for day in range(6):
        at = start + day * DAY_S
        await kept.append([Sample({"__name__": "c"}, at + s, at + s - start) for s in range(0, DAY_S, 60)])
        await clock.advance(DAY_S)
        await kept.seal()
    await kept.job.forget()
    span = (start + 900, start + 6 * DAY_S - 60, 1800)
    found, notes = await kept.ask("rate(c[30m])", *span)
    assert found.present.all()
    assert np.allclose(found.values[:, 1:], 1.0)
    whole, _ = await kept.ask("count_over_time(c[1h])", start + 2 * HOUR_S, start + 6 * DAY_S - 60, HOUR_S)
    assert (whole.values == 61).all()
    assert [note[:30] for note in notes] == [
        "before 2026-01-05 00:00 UTC at",
        "before 2026-01-04 00:00 UTC at",
        "before 2026-01-03 00:00 UTC at",
    ]


async def test_each_level_goes_at_its_own_time(database: Database, clock: VirtualClock) -> None:
    kept = Kept(database, clock)
    await kept.append([Sample({"__name__": "up"}, clock.now().timestamp() + at, 1.0) for at in range(0, 600, 15)])
    tables = ("chunk", "rollup_1m", "rollup_5m", "rollup_15m")
    await kept.pass_days(1)
    assert [await kept.count(table) for table in tables] == [1, 1, 1, 1]
    await kept.pass_days(2)
    assert [await kept.count(table) for table in tables] == [0, 1, 1, 1]
    await kept.pass_days(2)
    assert [await kept.count(table) for table in tables] == [0, 0, 1, 1]
    await kept.pass_days(2)
    assert [await kept.count(table) for table in tables] == [0, 0, 0, 1]
    await kept.pass_days(4)
    assert [await kept.count(table) for table in tables] == [0, 0, 0, 0]


async def test_late_samples_reach_the_buckets_of_their_series_and_spare_the_others(
    database: Database, clock: VirtualClock
) -> None:
    kept = Kept(database, clock)
    start = clock.now().timestamp()
    for name in ("a", "b"):
        await kept.append([Sample({"__name__": name}, start + at, 10.0) for at in range(0, HOUR_S, 15)])
    await clock.advance(3 * HOUR_S)
    await kept.seal()
    await kept.append([Sample({"__name__": "a"}, start + 602, 99.0), Sample({"__name__": "a"}, start + 600, 1.0)])
    await kept.pass_days(3)
    found, _ = await kept.ask("count_over_time(a[1h])", start + HOUR_S, start + HOUR_S, 60)
    assert found.values.tolist() == [[241.0]]
    found, _ = await kept.ask("max_over_time(a[1h]) - min_over_time(a[1h])", start + HOUR_S, start + HOUR_S, 60)
    assert found.values.tolist() == [[98.0]]
    found, _ = await kept.ask("sum_over_time(b[1h])", start + HOUR_S, start + HOUR_S, 60)
    assert found.values.tolist() == [[2400.0]]


async def test_a_sealing_that_is_killed_midway_leaves_all_in_the_head(
    database: Database, database_url: str, clock: VirtualClock
) -> None:
    kept = Kept(database, clock)
    start = clock.now().timestamp()
    await kept.append([Sample({"__name__": "up"}, start + at, 1.0) for at in range(0, HOUR_S, 15)])
    await clock.advance(3 * HOUR_S)
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as killer:
        holder.execute("LOCK TABLE observability.rollup_15m IN ACCESS EXCLUSIVE MODE")
        sealing = asyncio.create_task(kept.job.seal())
        waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'observability.rollup_15m'::regclass"
        async with asyncio.timeout(30):
            while not (row := killer.execute(waiting).fetchone()):
                await asyncio.sleep(0.01)
        killer.execute("SELECT pg_terminate_backend(%s)", row)
        with pytest.raises(Unavailable):
            await sealing
        holder.rollback()
    assert [await kept.count(table) for table in ("head", "chunk", "rollup_1m", "rollup_15m")] == [1, 0, 0, 0]
    await kept.seal()
    assert [await kept.count(table) for table in ("head", "chunk", "rollup_1m", "rollup_15m")] == [0, 1, 1, 1]


VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**6), 10**6).map(float),
    st.integers(-(10**6), 10**6).map(lambda number: number / 100),
    st.just(STALE),
)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 7_199_999), VALUES),
        min_size=1,
        max_size=80,
        unique_by=lambda one: one[:2],
    ),
    st.sampled_from([60_000, 300_000, 900_000]),
)
def test_a_row_of_buckets_gives_back_what_was_put_in(samples: list[tuple[int, int, float]], bucket_ms: int) -> None:
    series = np.array([640 + one for one, _, _ in samples], dtype=np.int64)
    times = np.array([at for _, at, _ in samples], dtype=np.int64)
    batch = Batch(series, times, np.array([value for _, _, value in samples])).settled()
    with np.errstate(all="ignore"):
        before = roll(batch, bucket_ms)
        after = decode_rollup(encode_rollup(before, 0, bucket_ms), 10, 0, bucket_ms, ZstdDecompressor())
        one, other = before.points(), after.points()
    for name in ("series", "timestamps", "count"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    for name in ("values", "total", "least", "most", "fallen"):
        assert getattr(one, name).view(np.int64).tolist() == getattr(other, name).view(np.int64).tolist()
