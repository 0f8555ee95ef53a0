from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from zstandard import ZstdDecompressor

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.observability.ports import Sample
from aiops.observability.store.encoding import decode_chunk, encode_chunk
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob

CLUSTER = new_id()


@given(
    st.lists(st.tuples(st.integers(1, 10**7), st.floats(allow_nan=True, allow_infinity=True)), min_size=1, max_size=60)
)
def test_a_chunk_gives_back_the_very_same_bits(samples: list[tuple[int, float]]) -> None:
    timestamps = np.cumsum(np.array([gap for gap, _ in samples], dtype=np.int64))
    values = np.array([value for _, value in samples], dtype=np.float64)
    back_times, back_values = decode_chunk(encode_chunk(timestamps, values), ZstdDecompressor())
    assert back_times.tolist() == timestamps.tolist()
    assert back_values.view(np.uint64).tolist() == values.view(np.uint64).tolist()


async def test_sealing_changes_nothing_that_is_read_and_takes_late_samples(
    database: Database, clock: VirtualClock
) -> None:
    store = PostgresSampleStore()
    job = SealingJob(database, clock)
    start = clock.now().timestamp()

    async def append(*pairs: tuple[float, float]) -> None:
        async with database.begin() as tx:
            await store.append(tx, CLUSTER, [Sample({"__name__": "up"}, start + at, value) for at, value in pairs])
            await tx.commit()

    async def read() -> list[float]:
        async with database.begin() as tx:
            (found,) = await store.select(tx, [CLUSTER], [], 0, 10**15)
        return [float(value) for value in found.values]

    async def in_head() -> int:
        async with database.begin() as tx:
            return int((await tx.connection.execute(text("SELECT count(*) FROM observability.head"))).scalar_one())

    for at in range(0, 7200, 600):
        await append((at, at))
    assert await job.seal() == 0
    await clock.advance(7200 + 601)
    before = await read()
    assert await job.seal() == 12
    assert await in_head() == 0
    assert await read() == before
    await append((600, -1), (601, -2))
    assert await read() == [0, -1, -2, *before[2:]]
    assert await job.seal() == 2
    assert await read() == [0, -1, -2, *before[2:]]
    await clock.advance(95 * 86400)
    await job.forget()
    async with database.begin() as tx:
        assert await store.select(tx, [CLUSTER], [], 0, 10**15) == []
