"""How well incidents are dealt with, in the terms of ITIL: what each figure is made of, and what is not known."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec


class GroupBy(StrEnum):
    CLUSTER = "CLUSTER"
    TEAM = "TEAM"
    SERVICE = "SERVICE"


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    """Of the incidents that were detected within a time; false positives count in `false_positives` alone, and what
    was only foreseen, and did not come, counts nowhere.

    `mtta_s`: mean time from detection to acknowledgement, of the `acknowledged` ones. `mttr_s`: from detection to
    resolution, of the `resolved` ones. `mtbf_s`: the time in which none was open, by the number of incidents. `clear`:
    the share of the time in which none was open. `noise_reduction`: 1 - incidents / alerts, where there were alerts.
    `uptime`: the share of the time known (`uptime_known_s`) in which the clusters were not OFFLINE. `None` is unknown.
    """

    incidents: int
    critical: int
    open: int
    false_positives: int
    acknowledged: int
    resolved: int
    alerts: int
    mtta_s: float | None
    mttr_s: float | None
    mtbf_s: float | None
    clear: float
    uptime: float | None = None
    uptime_known_s: float = 0.0

    @property
    def noise_reduction(self) -> float | None:
        return max(0.0, 1 - self.incidents / self.alerts) if self.alerts else None


class KpiRow(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is a cluster's or team's id, or a service's `namespace/name`; `None`: no team."""

    key: str | None
    name: str
    kpis: Kpis


class KpiDay(msgspec.Struct, frozen=True, kw_only=True):
    """`day` in the zone that was asked for."""

    day: date
    incidents: int
    critical: int
    alerts: int
    mttr_s: float | None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What the store counts of one group; `burning_s` is the time in which at least one incident was open."""

    key: str | None
    incidents: int
    critical: int
    open: int
    false_positives: int
    acknowledged: int
    resolved: int
    alerts: int
    mtta_s: float | None
    mttr_s: float | None
    burning_s: float


def kpis_of(tally: Tally, start: datetime, end: datetime, uptime: tuple[float, float] | None = None) -> Kpis:
    """`uptime`: seconds up, of seconds known."""
    span_s = (end - start).total_seconds()
    calm_s = max(0.0, span_s - tally.burning_s)
    up_s, known_s = uptime or (0.0, 0.0)
    return Kpis(
        incidents=tally.incidents,
        critical=tally.critical,
        open=tally.open,
        false_positives=tally.false_positives,
        acknowledged=tally.acknowledged,
        resolved=tally.resolved,
        alerts=tally.alerts,
        mtta_s=tally.mtta_s,
        mttr_s=tally.mttr_s,
        mtbf_s=calm_s / tally.incidents if tally.incidents else None,
        clear=calm_s / span_s,
        uptime=up_s / known_s if known_s else None,
        uptime_known_s=known_s,
    )


NOTHING = Tally(
    key=None, incidents=0, critical=0, open=0, false_positives=0, acknowledged=0, resolved=0, alerts=0, mtta_s=None,
    mttr_s=None, burning_s=0.0,
)  # fmt: skip
