"""What is forecast without being asked, what a prediction is, and how it is said in words."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import number
from aiops.observability.ports import Labels, Watch

HOUR_S, DAY_S = 3600.0, 86_400.0
# A prediction stays worth a warning until it is this much further away than what warned: it does not come and go.
CLEARED_AT = 1.25
# Shown from four times the distance on that warns.
SHOWN_WITHIN = 4.0


class Target(msgspec.Struct, frozen=True):
    """A query whose series must not pass `threshold`, upwards or downwards; people are told `within_s` ahead.

    `happens` ends the sentence "/ of node-1 …": `is full`. `countdown`: the value is itself the seconds that are left.
    """

    name: str
    title: str
    unit: str
    query: str
    threshold: float
    within_s: float
    subject_labels: tuple[str, ...]
    happens: str
    upward: bool = True
    countdown: bool = False

    def watch(self) -> Watch:
        """How observability is asked for its past."""
        worse = "up" if self.upward else "down"
        return Watch(f"forecast:{self.name}", self.title, self.query, self.unit, worse, 0.0, self.subject_labels)


class Outlook(StrEnum):
    CROSSES = "CROSSES"
    REFUSED = "REFUSED"


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What is foreseen of one series, with what it rests on. `happens` is what crossing means: `is used up`.

    `crosses_at` is the best guess, `earliest` and `latest` end its 90 % interval; `latest` is `None` where it may take
    longer than can be told. `loss` and `naive_loss` are the mean absolute errors of `model` and of naive over `moments`
    past moments. `history` are pairs of Unix seconds and value, `path` of Unix seconds, point, lower and upper; both
    thinned. `warned_at` is when people were told of it.
    """

    id: UUID
    cluster_id: UUID
    target: str
    title: str
    unit: str
    subject: str
    labels: Labels
    query: str
    threshold: float
    happens: str
    outlook: Outlook
    sentence: str
    value: float
    made_at: datetime
    crosses_at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    warned_at: datetime | None = None
    model: str | None = None
    loss: float | None = None
    naive_loss: float | None = None
    moments: int = 0
    window_s: float = 0.0
    step_s: float = 0.0
    history: list[tuple[float, float]] = []
    path: list[tuple[float, float, float, float]] = []


class PredictionFilter(msgspec.Struct, frozen=True):
    cluster_id: UUID | None = None
    target: str | None = None
    outlook: Outlook | None = None


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a target on a cluster was looked at in the last round: what is in no prediction keeps away."""

    cluster_id: UUID
    target: str
    title: str
    looked_at: datetime
    series: int
    crossing: int
    refused: int
    left_out: int
    error: str | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One forecast of one value, kept to be held against what came."""

    id: UUID
    cluster_id: UUID
    target: str
    labels: Labels
    lead_s: float
    made_at: datetime
    due_at: datetime
    point: float
    lower: float
    upper: float
    naive: float
    actual: float | None = None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How the hub's own forecasts of a target did, `lead_s` ahead: the share of what came that was within the 90 %
    interval, and the mean absolute errors of the forecasts and of naive. `waiting` have not come due."""

    target: str
    lead_s: float
    checks: int
    covered: float
    error: float
    naive_error: float
    waiting: int


def urgent(target: Target, prediction: Prediction, warned: bool, now: datetime) -> bool:
    """Whether people are to be told: it comes soon, and its interval says that it comes at all."""
    if prediction.crosses_at is None:
        return False
    ahead = (prediction.crosses_at - now).total_seconds()
    if warned:
        return ahead <= CLEARED_AT * target.within_s
    return ahead <= target.within_s and prediction.latest is not None


def said(
    target: Target, subject: str, now: datetime, at: datetime, early: datetime | None, late: datetime | None
) -> str:
    """`Disk space of node-1 /: is full in 3 days (2 to 5 days)`."""
    if at <= now:
        return f"{target.title} of {subject} {target.happens} now"
    first = span((early or now) - now)
    last = "an unknown time" if late is None else span(late - now)
    between = "" if first == last else f" ({first} to {last})"
    return f"{target.title} of {subject} {target.happens} in {span(at - now)}{between}"


def span(ahead: timedelta) -> str:
    seconds = max(ahead.total_seconds(), 0.0)
    for size, name in ((DAY_S, "day"), (HOUR_S, "hour"), (60.0, "minute")):
        if seconds >= 1.95 * size or (size == 60.0 and seconds >= 60):
            count = round(seconds / size)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def level(value: float, unit: str) -> str:
    return number(value, unit) if math.isfinite(value) else "unknown"


def moment(seconds: float | None) -> datetime | None:
    """Unix seconds as a time; `None` for none, and for what lies past the end of calendars."""
    if seconds is None or not math.isfinite(seconds) or seconds > 32_503_680_000:
        return None
    return datetime.fromtimestamp(seconds, UTC)
