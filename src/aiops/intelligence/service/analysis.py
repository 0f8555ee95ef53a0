"""The analysis of an incident for who reads it, what people say of it, and analysis of what someone asks about."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain.analysis import (
    CauseAccuracy,
    CauseVerdict,
    Resolution,
    SaidOfCause,
    SimilarIncident,
    SuggestedAction,
    actions_from_changes,
    executive_summary,
    most_alike,
    services_of,
    technical_summary,
)
from aiops.intelligence.domain.causes import Cause, Signal, Verdict
from aiops.intelligence.domain.incidents import IncidentView
from aiops.intelligence.domain.runbooks import Runbook, fitting
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_analysis import AnalysisStore, RunbookStore
from aiops.intelligence.ranking.departures import Departure, departures
from aiops.intelligence.ranking.incident import rank
from aiops.intelligence.service.ranking import signals_of
from aiops.intelligence.service.reading import IncidentDetail, Reading, within
from aiops.intelligence.service.structure import StructureReader
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Alerts, Labels, Metrics

_MOST_PAST = 300
_MOST_ALERTS = 50
_MOST_CLUSTERS = 20
_MOST_STEPS = 2_000


class IncidentAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """`causes` in order; the first is the root cause where `note` does not say that they decide nothing."""

    view: IncidentView
    causes: list[Cause]
    note: str | None
    missing: list[str]
    impacted_services: list[str]
    suggested_actions: list[SuggestedAction]
    runbooks: list[Runbook]
    similar: list[SimilarIncident]
    said: list[SaidOfCause]
    resolution: Resolution | None
    technical_summary: str
    executive_summary: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A series that left its own past: `spreads` times as far as it usually strays, from `level` to `peak` (unknown
    where it is silent since)."""

    labels: Labels
    at: datetime
    spreads: float
    level: float
    peak: float | None


class AnalysisService:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: AnalysisStore,
        runbooks: RunbookStore,
        incidents: IncidentStore,
        reading: Reading,
        watcher: Watcher,
        structure: StructureReader,
        alerts: Alerts,
        metrics: Metrics,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._runbooks = runbooks
        self._incidents = incidents
        self._reading = reading
        self._watcher = watcher
        self._structure = structure
        self._alerts = alerts
        self._metrics = metrics

    async def of_incident(self, principal: Principal, incident_id: UUID) -> IncidentAnalysis:
        """Raises `NotFound`, also where no cluster of it is in scope."""
        detail = await self._reading.incident(principal, incident_id)
        scope = _scope(principal)
        labels = [{**one.labels, "alertname": one.name} for one in detail.alerts]
        labels += [{**one.labels, "watch": one.watch} for one in detail.anomalies]
        async with self._transactions.begin() as tx:
            books = fitting(await self._runbooks.all(tx), labels)
            similar = await self._similar(tx, principal, incident_id)
            said = await self._store.said(tx, incident_id, scope)
            resolution = (await self._store.resolutions(tx, [incident_id], scope)).get(incident_id)
        services = services_of(labels, detail.causes)
        actions = actions_from_changes(detail.causes, detail.causes_note is None)
        actions += [
            SuggestedAction(text=f"Follow the runbook “{book.title}”", because="RUNBOOK", id=book.id) for book in books
        ]
        actions += await self._linked(principal, detail)
        actions += [
            SuggestedAction(text=f"{one.key} was resolved by: {one.resolution}", because="SIMILAR_INCIDENT", id=one.id)
            for one in similar
            if one.resolution
        ]
        return IncidentAnalysis(
            view=detail.view,
            causes=detail.causes,
            note=detail.causes_note,
            missing=self._structure.absent(),
            impacted_services=services,
            suggested_actions=actions,
            runbooks=books,
            similar=similar,
            said=said,
            resolution=resolution,
            technical_summary=technical_summary(detail.view, detail.causes, detail.causes_note),
            executive_summary=executive_summary(
                detail.view, detail.causes, detail.causes_note, services, self._clock.now()
            ),
        )

    async def _similar(self, tx: Transaction, principal: Principal, incident_id: UUID) -> list[SimilarIncident]:
        scope = _scope(principal)
        mine = await self._store.traits(tx, incident_id, scope)
        alike = most_alike(mine, await self._store.past(tx, incident_id, scope, _MOST_PAST))
        notes = await self._store.resolutions(tx, [one.incident_id for one, _, _ in alike], scope)
        found = []
        for one, likeness, shared in alike:
            view = await self._incidents.view(tx, one.incident_id, scope)
            if view is None:
                continue
            note = notes.get(one.incident_id)
            found.append(
                SimilarIncident(
                    id=view.id,
                    key=view.key,
                    title=view.title,
                    alike=round(likeness, 2),
                    in_common=shared[:8],
                    detected_at=view.detected_at,
                    resolved_at=view.resolved_at,
                    resolution=note.note if note else None,
                )
            )
        return found

    async def _linked(self, principal: Principal, detail: IncidentDetail) -> list[SuggestedAction]:
        """What the alerts themselves name as their runbook."""
        wanted = [(one.cluster_id, one.fingerprint) for one in detail.alerts[:_MOST_ALERTS]]
        urls: dict[str, str] = {}
        for alert in await self._alerts.several(principal, wanted) if wanted else []:
            url = alert.annotations.get("runbook_url", "")
            # Whatever else an annotation holds is no link.
            if url.startswith(("https://", "http://")):
                urls.setdefault(url, alert.name)
        return [
            SuggestedAction(text=f"Follow what the alert {name} links to", because="RUNBOOK_URL", url=url)
            for url, name in urls.items()
        ]

    async def say(
        self, principal: Principal, incident_id: UUID, place: int, verdict: CauseVerdict, note: str
    ) -> list[SaidOfCause]:
        """Keep what someone says of the cause at that place, from 1 on. Raises `NotFound` where there is none."""
        principal.require(Role.OPERATOR)
        detail = await self._reading.incident(principal, incident_id)
        if not 1 <= place <= len(detail.causes):
            raise NotFound("There is no cause at that place.")
        cause = detail.causes[place - 1]
        said = SaidOfCause(
            incident_id=incident_id,
            cluster_id=cause.cluster_id,
            subject=cause.subject or cause.title,
            title=cause.title,
            place=place,
            confidence=cause.confidence,
            conclusive=detail.causes_note is None,
            verdict=verdict,
            note=note.strip(),
            by=principal.name,
            at=self._clock.now(),
        )
        async with self._transactions.begin() as tx:
            await self._store.say(tx, said)
            found = await self._store.said(tx, incident_id, _scope(principal))
            await tx.commit()
        return found

    async def accuracy(self, principal: Principal) -> CauseAccuracy:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.accuracy(tx, _scope(principal))

    async def resolve(self, principal: Principal, incident_id: UUID, note: str) -> Resolution:
        """Keep in words what ended it. Those see it who see all clusters that its writer saw it on."""
        principal.require(Role.OPERATOR)
        if not note.strip():
            raise Invalid("Say in words what resolved it.")
        detail = await self._reading.incident(principal, incident_id)
        resolution = Resolution(
            incident_id=incident_id,
            note=note.strip(),
            clusters=sorted(detail.view.clusters),
            by=principal.name,
            at=self._clock.now(),
        )
        async with self._transactions.begin() as tx:
            await self._store.resolve(tx, resolution)
            await tx.commit()
        return resolution

    async def causes_now(self, principal: Principal, cluster_ids: Sequence[UUID], at: datetime | None) -> Verdict:
        """Rank what the hub watches on these clusters, as if something had begun at that moment (now)."""
        principal.require(Role.VIEWER)
        if not cluster_ids or len(cluster_ids) > _MOST_CLUSTERS:
            raise Invalid(f"Name 1 to {_MOST_CLUSTERS} clusters.")
        if not all(principal.sees(one) for one in cluster_ids):
            raise NotFound("There is no such cluster.")
        now = self._clock.now()
        onset = min(at.astimezone(UTC) if at else now, now)
        signals = signals_of(self._watcher, set(cluster_ids))
        structure = await self._structure.around(list(cluster_ids), onset, now)
        found = await asyncio.to_thread(rank, signals, [], onset.timestamp(), structure)
        return Verdict(within(principal, found.causes), found.note)

    async def moved(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime, before_s: float, step_s: float
    ) -> tuple[list[Moved], int]:
        """Which series of a query left their own past around `at`, the farthest first; and how many were looked at."""
        principal.require(Role.VIEWER)
        at = at.astimezone(UTC)
        end = min(at + timedelta(seconds=before_s / 4), self._clock.now())
        start = at - timedelta(seconds=before_s)
        if end <= start or (end - start).total_seconds() / step_s > _MOST_STEPS:
            raise Invalid(f"A window has 1 to {_MOST_STEPS} steps and begins in the past.")
        answer = await self._metrics.query_range(
            principal, query, start=start, end=end, step_s=step_s, cluster_ids=[cluster_id]
        )
        times = np.arange(start.timestamp(), end.timestamp() + step_s / 2, step_s)
        signals = [_signal(cluster_id, query, one.metric, one.values, times, step_s) for one in answer.series]
        found = await asyncio.to_thread(departures, signals, at.timestamp())
        return [_moved(one) for one in found], len(signals)


def _signal(
    cluster_id: UUID, query: str, labels: Labels, values: Sequence[tuple[float, str]], times: np.ndarray, step_s: float
) -> Signal:
    row = np.full(len(times), np.nan)
    for at, text in values:
        place = round((at - float(times[0])) / step_s)
        if 0 <= place < len(row):
            value = float(text.replace("Inf", "inf"))
            row[place] = value if np.isfinite(value) else np.nan
    return Signal(
        cluster_id=cluster_id,
        watch="",
        title=query,
        labels=labels,
        minimum=0.0,
        interval_s=step_s,
        times=times,
        values=row,
    )


def _moved(found: Departure) -> Moved:
    return Moved(
        labels=found.signal.labels,
        at=datetime.fromtimestamp(found.at, UTC),
        spreads=round(found.spreads, 1),
        level=found.level,
        peak=found.peak if np.isfinite(found.peak) else None,
    )


def _scope(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)
