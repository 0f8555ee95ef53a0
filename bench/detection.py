"""Points a second that one core scores: at least 66,700.

A hundred clusters of 1,000 watched series each, evaluated every 15 s, then take a tenth of a core.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from aiops.intelligence.detectors import installed
from aiops.intelligence.packing import pack
from aiops.observability.ports import Watch
from aiops.settings import load_settings
from bench.verdict import at_least, told

TAKES = "5 s"
SERIES, STEPS, FLOOR = 1000, 500, 66_700.0
WATCH = Watch("bench", "Bench", "bench", "ratio", "up", 0.1, ("instance",))


def main() -> int:
    rng = np.random.default_rng(1)
    values = rng.normal(0.3, 0.03, (STEPS, SERIES))
    values[300:400, ::10] = 0.95
    detector = installed()[load_settings().detector].build()
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
    told(f"detection, a batch of {SERIES:,} series", spent / STEPS * 1000, " ms")
    told("detection, the state of these", len(blob), " B", f"packed in {packing * 1000:.1f} ms")
    return 0 if at_least("detection", SERIES * STEPS / spent, FLOOR, " points/s and core") else 1


if __name__ == "__main__":
    sys.exit(main())
