"""How many points a second one core scores, and how long a batch of 1,000 series takes."""

from __future__ import annotations

import time

import numpy as np

from aiops.intelligence.detectors.robust_band import RobustBand
from aiops.intelligence.packing import pack
from aiops.observability.ports import Watch

SERIES = 1000
STEPS = 500
WATCH = Watch("bench", "Bench", "bench", "ratio", "up", 0.1, ("instance",))


def main() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.3, 0.03, (STEPS, SERIES))
    values[300:400, ::10] = 0.95
    detector = RobustBand()
    state = detector.fresh(SERIES)
    started = time.process_time()
    found = 0
    for index in range(STEPS):
        state, scores = detector.step(state, WATCH, 5.0 * index, 5.0, values[index])
        found += int(scores.started.sum())
    spent = time.process_time() - started
    packing = time.process_time()
    blob = pack(state)
    packing = time.process_time() - packing
    assert found == SERIES // 10, found
    print(f"detection: {SERIES * STEPS / spent:,.0f} points/s and core")
    print(
        f"{SERIES} series a batch: {spent / STEPS * 1000:.2f} ms; its state: {len(blob):,} B, {packing * 1000:.1f} ms"
    )


if __name__ == "__main__":
    main()
