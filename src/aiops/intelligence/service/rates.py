"""The share of a cluster's watched series that are not as expected, a number every 15 s."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import numpy as np

from aiops.intelligence.service.verdicts import Seen
from aiops.observability.ports import AnomalyRate

LEAST_GAP_S = 14.5
_TOO_OLD_S = 120.0


class Rates:
    """Adds up what the watches of a cluster gave in one round; the round is over when a later one begins."""

    def __init__(self) -> None:
        self._counts: dict[UUID, dict[str, tuple[float, int, int]]] = {}
        self._told: dict[UUID, float] = {}

    def add(self, looks: Iterable[Seen]) -> list[AnomalyRate]:
        """Take what was seen; gives what is complete by it."""
        rates = []
        for seen in looks:
            cluster_id = seen.track.cluster_id
            counts = self._counts.setdefault(cluster_id, {})
            before = max((at for at, _, _ in counts.values()), default=seen.at)
            if seen.at > before and before - self._told.get(cluster_id, 0.0) >= LEAST_GAP_S:
                fresh = [(known, out) for at, known, out in counts.values() if before - at < _TOO_OLD_S]
                rates.append(AnomalyRate(cluster_id, before, sum(k for k, _ in fresh), sum(o for _, o in fresh)))
                self._told[cluster_id] = before
            counts[seen.track.watch.name] = (seen.at, *count(seen))
        return rates

    def forget(self, cluster_id: UUID) -> None:
        self._counts.pop(cluster_id, None)
        self._told.pop(cluster_id, None)


def count(seen: Seen) -> tuple[int, int]:
    """How many series there are, silent ones included, and how many of these are not as expected: out of their band,
    past their limit, or silent. What is still learned counts as being as expected: nothing else is known."""
    ruled = seen.said.silent | (seen.said.breach != 0)
    there = np.isfinite(seen.values) | ruled
    with np.errstate(invalid="ignore"):
        out = (seen.scores.score > 1) | ruled
    return int(there.sum()), int((there & out).sum())
