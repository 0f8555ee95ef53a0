"""Where a step looks when samples are gone and buckets are left.

A window whose edges lie on buckets' edges is computed from buckets as if the samples were there. So every step that
reaches into such a time looks at the last edge before it: the answer at 10:07 over buckets of 5 minutes is the one of
10:05, to the bit (sums aside, whose order of adding differs). A range that is no whole number of buckets is widened to
one, which rates, averages and extremes bear, and which is refused where the number of samples counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from aiops.kernel.errors import Invalid
from aiops.observability.needs import Coarse, Milliseconds, StoredSeries

NEEDS_SAMPLES = frozenset(
    {"irate", "idelta", "deriv", "stddev_over_time", "stdvar_over_time", "quantile_over_time", "changes", "resets"}
)
"""Functions that a bucket says too little for."""

_NEEDS_ITS_RANGE = frozenset({"sum_over_time", "count_over_time"})


@dataclass(frozen=True)
class Frame:
    """The closed window of each step; `range_ms` is what was asked for."""

    starts: Milliseconds
    ends: Milliseconds
    range_ms: int


def coarse_of(series: Sequence[StoredSeries]) -> tuple[Coarse, ...]:
    """When there are only buckets, newest first: what one selector has read agrees on it."""
    return next((one.coarse for one in series if one.coarse), ())


def moments_of(moments: Milliseconds, coarse: Sequence[Coarse]) -> Milliseconds:
    """Where an instant selector looks at each step."""
    found = moments
    for region in coarse:
        edge = moments // region.bucket_ms * region.bucket_ms
        found = np.where(moments < region.until_ms, edge, found)
    return found


def frame_of(function: str, series: Sequence[StoredSeries], moments: Milliseconds, range_ms: int) -> Frame:
    """Raises `Invalid` where the function can't be computed from what is left."""
    starts, ends, bucket = moments - range_ms, moments, np.zeros_like(moments)
    for region in coarse_of(series):
        size = region.bucket_ms
        reached = starts < region.until_ms
        edge = moments // size * size
        starts = np.where(reached, edge - -(-range_ms // size) * size, starts)
        ends, bucket = np.where(reached, edge, ends), np.where(reached, size, bucket)
    if bucket.any():
        _check(function, series, bool((ends - starts != range_ms).any()), int(bucket.max()))
    return Frame(starts, ends, range_ms)


def _check(function: str, series: Sequence[StoredSeries], widened: bool, bucket_ms: int) -> None:
    if not any(one.rolled is not None and (one.rolled.count > 1).any() for one in series):
        return  # every bucket is one sample: nothing is lost
    until = moment_text(coarse_of(series)[0].until_ms)
    left = f"before {until} only buckets of up to {bucket_ms // 60_000} min are left"
    if function in NEEDS_SAMPLES:
        raise Invalid(f"{function} can't be computed: {left}. Ask for a later time, or for a rate, average or extreme.")
    if widened and function in _NEEDS_ITS_RANGE:
        raise Invalid(f"{function} can't be computed over this range: {left}. Ask for a range of whole buckets.")


def moment_text(at_ms: int) -> str:
    """As people read it."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def notes_on(data: Sequence[Sequence[StoredSeries]], ranges_ms: Sequence[int | None]) -> tuple[str, ...]:
    """What an answer from these series must say: since when it is coarser, how much, and whether ranges are widened.

    `ranges_ms[i]` is the range of the selector that read `data[i]`, `None` for an instant one.
    """
    regions: dict[Coarse, bool] = {}
    for series, range_ms in zip(data, ranges_ms, strict=True):
        bucketed = [one for one in series if one.rolled is not None and one.timestamps.size]
        oldest = min((int(one.timestamps[0]) for one in bucketed), default=None)
        newest = max((int(one.timestamps[-1]) for one in bucketed), default=0)
        for region in coarse_of(series):
            if oldest is not None and oldest < region.until_ms and newest >= region.from_ms:
                widened = range_ms is not None and range_ms % region.bucket_ms != 0
                regions[region] = regions.get(region, False) or widened
    return tuple(
        f"before {moment_text(region.until_ms)} at {region.bucket_ms // 60_000} min resolution"
        + (", ranges widened to whole buckets" if widened else "")
        for region, widened in sorted(regions.items(), key=lambda item: -item[0].until_ms)
    )
