"""What the alerts and anomalies of a past would have become, gone through in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple
from uuid import UUID

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.correlation import Arrival, ArrivalKind, Scene, Surroundings, place
from aiops.intelligence.domain.correlation.placing import Ruling
from aiops.intelligence.domain.incidents import SETTLE, AlertMember, Status
from aiops.intelligence.service.gathering import of_alert, of_anomaly
from aiops.kernel.ids import new_id
from aiops.observability.ports_past import PastAlert

_TIDIED_EVERY = timedelta(hours=1)

RulingsOf = Callable[[Sequence[Arrival]], Mapping[tuple[UUID, str, str], Ruling]]
"""What people's rules say of arrivals, by their marks."""


class Joined(NamedTuple):
    """A member and why it is one."""

    member: PastAlert | Anomaly
    arrival: Arrival
    reason: str

    @property
    def ended_at(self) -> datetime | None:
        return self.member.ends_at if isinstance(self.member, PastAlert) else self.member.ended_at


@dataclass
class Episode:
    """An incident as it would have been; `ended_at` is `None` where it was open at the end."""

    id: UUID
    opened_at: datetime
    members: list[Joined] = field(default_factory=list)
    ended_at: datetime | None = None
    _open: int = 0

    @property
    def told(self) -> bool:
        """Whether people would have been told: of a series that moved alone they are not."""
        alerts = any(one.arrival.kind is ArrivalKind.ALERT for one in self.members)
        return alerts or len({one.arrival.mark for one in self.members}) > 1


class _Move(NamedTuple):
    at: datetime
    turn: int
    begins: Joined | None = None
    ends: Episode | None = None
    settles: Episode | None = None


class PastGathering:
    """The deciders of the live hub, on a clock that jumps from one event to the next."""

    def __init__(self, surroundings: Surroundings | None = None, rulings: RulingsOf | None = None) -> None:
        self._surroundings = surroundings
        self._rulings = rulings
        self._scene = Scene()
        self._moves: list[_Move] = []
        self._turns = count()
        self._episodes: dict[UUID, Episode] = {}

    def gather(self, alerts: Iterable[PastAlert], anomalies: Iterable[Anomaly]) -> list[Episode]:
        """All incidents, in the order of their beginning."""
        for joined in _arrivals(alerts, anomalies):
            self._later(_Move(_began(joined), next(self._turns), begins=joined))
        tidied = self._moves[0].at if self._moves else None
        while self._moves:
            move = heapq.heappop(self._moves)
            self._deal_with(move)
            if tidied is not None and move.at - tidied > _TIDIED_EVERY:
                self._scene.forget(move.at - _TIDIED_EVERY)
                tidied = move.at
        return list(self._episodes.values())

    def _deal_with(self, move: _Move) -> None:
        if move.begins is not None:
            self._begin(move.begins, move.at)
        elif move.ends is not None:
            move.ends._open -= 1
            if move.ends._open == 0:
                self._later(_Move(move.at + SETTLE, next(self._turns), settles=move.ends))
        elif move.settles is not None and move.settles._open == 0 and move.settles.ended_at is None:
            move.settles.ended_at = move.at
            sketch = self._scene.sketches[move.settles.id]
            self._scene.know(replace(sketch, status=Status.RESOLVED, resolved_at=move.at))

    def _begin(self, joined: Joined, now: datetime) -> None:
        rulings = self._rulings([joined.arrival]) if self._rulings else None
        (placed,) = place(
            [joined.arrival], self._scene, now, new_id=new_id, surroundings=self._surroundings, rulings=rulings
        )
        episode = self._episodes.get(placed.incident_id)
        if episode is None:
            episode = self._episodes[placed.incident_id] = Episode(placed.incident_id, now)
        episode.ended_at = None
        episode.members.append(joined._replace(reason=placed.reason))
        episode._open += 1
        if joined.ended_at is not None:
            self._later(_Move(max(joined.ended_at, now), next(self._turns), ends=episode))

    def _later(self, move: _Move) -> None:
        heapq.heappush(self._moves, move)


def _arrivals(alerts: Iterable[PastAlert], anomalies: Iterable[Anomaly]) -> Iterator[Joined]:
    for alert in alerts:
        yield Joined(alert, of_alert(_member(alert)), "")
    for anomaly in anomalies:
        yield Joined(anomaly, of_anomaly(anomaly), "")


_NOWHERE = UUID(int=0)


def _member(alert: PastAlert) -> AlertMember:
    """As an incident would keep it."""
    return AlertMember(
        incident_id=_NOWHERE,
        cluster_id=alert.cluster_id,
        fingerprint=alert.fingerprint,
        name=alert.name,
        severity=alert.severity,
        labels=alert.labels,
        started_at=alert.starts_at,
    )


def _began(joined: Joined) -> datetime:
    """When the hub would have heard of it."""
    member = joined.member
    return member.starts_at if isinstance(member, PastAlert) else member.detected_at


def told_of(episodes: Sequence[Episode]) -> list[Episode]:
    return [episode for episode in episodes if episode.told]
