"""Python's cyclic garbage collector, set for a process that lives long and makes many objects at a time."""

from __future__ import annotations

import gc

_THRESHOLDS = 20_000, 20, 20


def settle_collector() -> None:
    """Leave alone what is there now, and look less often.

    By default a full collection comes after some 70,000 new objects and looks at all that the process holds: a query to
    100 clusters spent as much on that as on its answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
