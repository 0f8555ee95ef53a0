"""What people say of findings, and what follows from it: noise makes the band of its series wider for a while."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import Kind
from aiops.observability.ports import Labels

LEAST, MOST = 1.5, 4.0
LASTS = timedelta(days=14)
_MARGIN = 1.1


Key = tuple[tuple[str, str], ...]
"""A series: its labels in order."""


def key_of(labels: Labels) -> Key:
    return tuple(sorted(labels.items()))


class Verdict(StrEnum):
    REAL = "REAL"
    NOISE = "NOISE"


class Widening(msgspec.Struct, frozen=True):
    """A series' band reaches `factor` times as far as learned, until then."""

    factor: float
    until: datetime


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What someone said of an anomaly. Of NOISE, `factor` and `until` are what follows for its series."""

    anomaly_id: UUID
    cluster_id: UUID
    watch: str
    labels: Labels
    kind: str
    verdict: Verdict
    by: str
    at: datetime
    note: str = ""
    factor: float = 1.0
    until: datetime | None = None

    @property
    def of_silence(self) -> bool:
        """Whether it says that the silence of a series is noise."""
        return self.verdict is Verdict.NOISE and self.kind == Kind.SILENCE

    def widens(self, now: datetime) -> bool:
        return self.factor > 1 and self.until is not None and self.until > now


def widenings(said: Iterable[Feedback], now: datetime) -> dict[Key, Widening]:
    """By series, the widest that still holds."""
    found: dict[Key, Widening] = {}
    for one in said:
        known = found.get(key_of(one.labels))
        if one.until is not None and one.widens(now) and (known is None or known.factor <= one.factor):
            found[key_of(one.labels)] = Widening(one.factor, one.until)
    return found


def factor_for(score: float, already: float) -> float:
    """So wide that what was found lies within; half as wide again at least, four times the learned band at most.

    `score` is measured in bands that are `already` so wide.
    """
    return round(min(max(LEAST * already, score * already * _MARGIN), MOST), 2)
