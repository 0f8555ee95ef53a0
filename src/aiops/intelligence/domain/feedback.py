"""What people say of findings, and what follows from it: noise makes the band of its series wider for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.observability.ports import Labels

LEAST, MOST = 1.5, 4.0
LASTS = timedelta(days=14)
_MARGIN = 1.1


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
    verdict: Verdict
    by: str
    at: datetime
    note: str = ""
    factor: float = 1.0
    until: datetime | None = None


def factor_for(score: float, already: float) -> float:
    """So wide that what was found lies within; half as wide again at least, four times the learned band at most.

    `score` is measured in bands that are `already` so wide.
    """
    return round(min(max(LEAST * already, score * already * _MARGIN), MOST), 2)
