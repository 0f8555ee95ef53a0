"""What an anomaly is, how severe, and how it is said in words."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.observability.ports import Labels, Severity, Watch

SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO)
UNSEEN = timedelta(minutes=30)
END_REASONS = {1: "back in its band", 2: "new normal", 3: "the series is gone"}


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time in which one watched series was not as expected; the band is that of the deciding value.

    Unknown are the value of a silent series and, where nothing was learned, what was expected. Of a breached threshold,
    `lower` and `upper` are the limits. `maintained_by`: the maintenance windows that kept it from alarming anybody.
    """

    id: UUID
    cluster_id: UUID
    watch: str
    title: str
    unit: str
    labels: Labels
    subject: str
    kind: str
    detection_type: str = "STATISTICAL"
    severity: Severity
    score: float
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    explanation: str
    started_at: datetime
    detected_at: datetime
    ended_at: datetime | None = None
    end_reason: str | None = None
    query: str
    incident_id: UUID | None = None
    group_id: UUID | None = None
    joined_by: str | None = None
    reason: str | None = None
    maintained_by: tuple[str, ...] = ()

    @property
    def deviation_percent(self) -> float | None:
        if self.value is None or self.expected is None or abs(self.expected) < 1e-9:
            return None
        return round((self.value - self.expected) / abs(self.expected) * 100, 1)


class AnomalyFilter(msgspec.Struct, frozen=True):
    cluster_id: UUID | None = None
    watch: str | None = None
    active: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


def rank_of(severity: Severity) -> int:
    """0 is the worst."""
    return SEVERITIES.index(severity)


def worst(severities: list[Severity]) -> Severity:
    return min(severities, key=rank_of, default=Severity.INFO)


class Kind(StrEnum):
    SPIKE = "SPIKE"
    DROP = "DROP"
    TREND_CHANGE = "TREND_CHANGE"
    PATTERN_BREAK = "PATTERN_BREAK"
    THRESHOLD_BREACH = "THRESHOLD_BREACH"
    SILENCE = "SILENCE"


def phrase_of(anomaly: Anomaly) -> str:
    """What is the matter, as a title says it."""
    if anomaly.kind == Kind.SILENCE:
        how = "silent"
    elif anomaly.kind == Kind.PATTERN_BREAK:
        how = "unusual for the time"
    elif anomaly.value is not None and anomaly.lower is not None and anomaly.value < anomaly.lower:
        how = "low"
    else:
        how = "low" if anomaly.kind == Kind.DROP else "high"
    return f"{anomaly.title} of {anomaly.subject} {how}"


def severity_of(watch: Watch, value: float, score: float) -> Severity:
    """From how far it is out and, for a ratio that hurts upwards, from how little is left."""
    rank = 1 if score >= 8 else 2 if score >= 3 else 3
    if watch.unit == "ratio" and watch.worse != "down":
        if value >= 0.95:
            rank = min(rank - 1, 1)
        elif value >= 0.85:
            rank = min(rank, 2)
        elif value < 0.5:
            rank = max(rank, 2)
    return SEVERITIES[max(rank, 0)]


def subject_of(watch: Watch, labels: Labels) -> str:
    """What a series is about, in the words of its labels."""
    named = [labels[name] for name in watch.subject_labels if labels.get(name)]
    others = {name: value for name, value in sorted(labels.items()) if not name.startswith("__")}
    if len(others) > 1:
        # Who scraped it says nothing where anything else does.
        others.pop("job", None)
    return " ".join(named) or " ".join(others.values()) or "the cluster"


def selector_of(watch: str, labels: Labels, what: str = "value") -> str:
    """PromQL that gives the series again from the hub's own store."""
    pairs = {"watch": watch, **{k: v for k, v in labels.items() if k not in ("__name__", "watch")}}
    inner = ",".join(f"{name}={_quoted(value)}" for name, value in sorted(pairs.items()))
    return f"aiops:watch:{what}{{{inner}}}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def number(value: float, unit: str) -> str:
    """A value with its unit, as short as it stays true."""
    if not math.isfinite(value):
        return "unknown"
    if unit.startswith("bytes"):
        suffix = unit.removeprefix("bytes")
        for name in ("B", "KiB", "MiB", "GiB", "TiB"):
            if abs(value) < 1024 or name == "TiB":
                return f"{value:.3g} {name}{suffix}"
            value /= 1024
    if unit == "seconds":
        return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    if unit == "ratio":
        return f"{value * 100:.3g} %" if abs(value) < 9.995 else f"{value * 100:,.0f} %"
    short = f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"
    return short if unit in ("load", "") else f"{short} {unit}"


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def explain(
    watch: Watch,
    labels: Labels,
    *,
    value: float,
    band: tuple[float, float, float],
    score: float,
    learned_s: float,
    since: datetime,
    widened: float = 1.0,
) -> str:
    """One sentence with the numbers that decided; `band` is expected, lower, upper, and `score` 1 on its edge."""
    expected, lower, upper = band
    wider = f", widened {widened:g} × by feedback" if widened > 1 else ""
    return (
        f"{watch.title} of {subject_of(watch, labels)} is {number(value, watch.unit)}, usually "
        f"{number(expected, watch.unit)}, expected {number(lower, watch.unit)} to {number(upper, watch.unit)} "
        f"(learned from the last {duration(learned_s)}{wider}): {score:.1f} × the band's reach, "
        f"since {since:%H:%M:%S} UTC"
    )


def explain_breach(watch: Watch, labels: Labels, value: float, above: bool, since: datetime) -> str:
    limit = watch.threshold
    assert limit is not None
    edge = limit.above if above else limit.below
    assert edge is not None
    held = f" for {duration(limit.for_s)}" if limit.for_s else ""
    return (
        f"{watch.title} of {subject_of(watch, labels)} is {number(value, watch.unit)}, {'above' if above else 'below'} "
        f"its limit of {number(edge, watch.unit)}{held}, since {since:%H:%M:%S} UTC"
    )


def explain_silence(watch: Watch, labels: Labels, last: float | None, since: datetime) -> str:
    was = "" if last is None else f"; it was {number(last, watch.unit)} then"
    return (
        f"{watch.title} of {subject_of(watch, labels)} has given no value since {since:%H:%M:%S} UTC, "
        f"while its cluster answers{was}"
    )
