"""The whole pipeline over a past, from the questions to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aiops.intelligence.domain.causes import Structure
from aiops.intelligence.domain.correlation import Surroundings
from aiops.intelligence.domain.replays import Progress, ReplayedCluster, ReplayResult, ReplayStage
from aiops.intelligence.needs import Detector
from aiops.intelligence.service.replays.collecting import Collecting, Named, OfCluster, Tell
from aiops.intelligence.service.replays.gathering import Episode, PastGathering, RulingsOf, told_of
from aiops.intelligence.service.replays.telling import incidents_of, noisy
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal
from aiops.observability.ports_past import Past

LONGEST = timedelta(days=31)
STEP_S = 60.0
_LOOKED_AFTER = timedelta(minutes=15)


Around = Callable[[Sequence[UUID], datetime, datetime], Awaitable[Structure]]


@dataclass(frozen=True)
class Known:
    """What a hub knows beside the past that is asked for: of things that need each other, what people's rules say, and
    the structure `around` some clusters between two moments. `tried` is what the rules would say with a change of them.
    """

    surroundings: Surroundings | None = None
    around: Around | None = None
    rulings: RulingsOf | None = None
    tried: RulingsOf | None = None


async def replay_past(
    past: Past,
    detector: Detector,
    principal: Principal,
    clusters: Sequence[Named],
    *,
    start: datetime,
    end: datetime,
    step_s: float = STEP_S,
    known: Known | None = None,
    tell: Tell = lambda _: None,
) -> ReplayResult:
    """What the hub would have made of this past. Nobody is notified and nothing is kept.

    Raises `Invalid` for a stretch of less than an hour or more than 31 days.
    """
    if not timedelta(hours=1) <= end - start <= LONGEST:
        raise Invalid(f"A replay spans an hour to {LONGEST.days} days.", details={"field": "start"})
    known = known or Known()
    collected = await Collecting(past, detector, tell).collect(principal, clusters, start, end, step_s)
    tell(Progress(ReplayStage.CORRELATION, 0, 1))
    alerts = [alert for of in collected for alert in of.alerts]
    anomalies = [anomaly for of in collected for anomaly in of.anomalies]
    gathering = PastGathering(known.surroundings, known.tried or known.rulings)
    episodes = await asyncio.to_thread(gathering.gather, alerts, anomalies)
    told = told_of(episodes)
    without: list[Episode] | None = None
    if known.tried is not None:
        without = await asyncio.to_thread(PastGathering(known.surroundings, known.rulings).gather, alerts, anomalies)
    structures = [await _structure(known, episode, tell, place, len(told)) for place, episode in enumerate(told, 1)]
    by_id = {of.cluster.id: of for of in collected}
    incidents = await asyncio.to_thread(incidents_of, told, by_id, structures, without)
    tell(Progress(ReplayStage.DONE, 1, 1))
    return ReplayResult(
        start=start,
        end=end,
        step_s=step_s,
        detector=detector.name,
        clusters=[_cluster(of) for of in collected],
        alerts=len(alerts),
        anomalies=len(anomalies),
        quiet=len(episodes) - len(told),
        incidents=incidents,
        noisy=noisy(alerts, told, end),
        before=None if without is None else len(told_of(without)),
    )


async def _structure(known: Known, episode: Episode, tell: Tell, place: int, of: int) -> Structure | None:
    if known.around is None:
        return None
    tell(Progress(ReplayStage.CORRELATION, place, of))
    onset = min(one.arrival.started_at for one in episode.members)
    clusters = sorted({one.arrival.cluster_id for one in episode.members})
    return await known.around(clusters, onset, min(onset + _LOOKED_AFTER, episode.ended_at or onset + _LOOKED_AFTER))


def _cluster(of: OfCluster) -> ReplayedCluster:
    return ReplayedCluster(
        id=of.cluster.id,
        name=of.cluster.name,
        alerts=len(of.alerts),
        watches=len(of.watched),
        series=sum(len(one.past.series) for one in of.watched),
        anomalies=len(of.anomalies),
        problems=of.problems,
    )
