"""The whole pipeline over a past, from the questions to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiops.intelligence.domain.correlation import Surroundings
from aiops.intelligence.domain.replays import Progress, ReplayedCluster, ReplayResult, ReplayStage
from aiops.intelligence.needs import Detector
from aiops.intelligence.service.replays.collecting import Collecting, Named, OfCluster, Tell
from aiops.intelligence.service.replays.gathering import Episode, PastGathering, told_of
from aiops.intelligence.service.replays.telling import incidents_of, noisy
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal
from aiops.observability.ports_past import Past

LONGEST = timedelta(days=31)
STEP_S = 60.0


async def replay_past(
    past: Past,
    detector: Detector,
    principal: Principal,
    clusters: Sequence[Named],
    *,
    start: datetime,
    end: datetime,
    step_s: float = STEP_S,
    surroundings: Surroundings | None = None,
    tell: Tell = lambda _: None,
) -> ReplayResult:
    """What the hub would have made of this past. Nobody is notified and nothing is kept.

    Raises `Invalid` for a stretch of less than an hour or more than 31 days.
    """
    if not timedelta(hours=1) <= end - start <= LONGEST:
        raise Invalid(f"A replay spans an hour to {LONGEST.days} days.", details={"field": "start"})
    collected = await Collecting(past, detector, tell).collect(principal, clusters, start, end, step_s)
    tell(Progress(ReplayStage.CORRELATION, 0, 1))
    result = await asyncio.to_thread(_result, detector, collected, start, end, step_s, surroundings)
    tell(Progress(ReplayStage.DONE, 1, 1))
    return result


def _result(
    detector: Detector,
    collected: Sequence[OfCluster],
    start: datetime,
    end: datetime,
    step_s: float,
    surroundings: Surroundings | None,
) -> ReplayResult:
    alerts = [alert for of in collected for alert in of.alerts]
    anomalies = [anomaly for of in collected for anomaly in of.anomalies]
    episodes = PastGathering(surroundings).gather(alerts, anomalies)
    told: list[Episode] = told_of(episodes)
    return ReplayResult(
        start=start,
        end=end,
        step_s=step_s,
        detector=detector.name,
        clusters=[_cluster(of) for of in collected],
        alerts=len(alerts),
        anomalies=len(anomalies),
        quiet=len(episodes) - len(told),
        incidents=incidents_of(told, {of.cluster.id: of for of in collected}),
        noisy=noisy(alerts, told, end),
    )


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
