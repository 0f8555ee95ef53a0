"""An incident's analysis in one piece: the cause, whom it strikes, what to do, what was done before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import duration
from aiops.intelligence.domain.causes import Cause, EvidenceKind
from aiops.intelligence.domain.incidents import CLOSED, IncidentView
from aiops.observability.ports import Labels

MOST_SIMILAR = 5
_LEAST_ALIKE = 0.2
_TRAITS = (("alerts", 3.0), ("watches", 2.0), ("subjects", 2.0), ("causes", 3.0))


class CauseVerdict(StrEnum):
    RIGHT = "RIGHT"
    WRONG = "WRONG"


class SaidOfCause(msgspec.Struct, frozen=True, kw_only=True):
    """What someone said of a ranked cause: `place` and `confidence` are what it had then."""

    incident_id: UUID
    cluster_id: UUID | None
    subject: str
    title: str
    place: int
    confidence: float
    conclusive: bool
    verdict: CauseVerdict
    note: str
    by: str
    at: datetime


class CauseAccuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Of the incidents whose first cause someone judged: `right` of `judged`, which were said to be `expected_right`
    by their confidence in sum; `found` have a cause at any place that was judged right."""

    judged: int
    right: int
    expected_right: float
    incidents: int
    found: int


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What ended an incident, in the words of who did; seen by those who see all of `clusters`."""

    incident_id: UUID
    note: str
    clusters: list[UUID]
    by: str
    at: datetime


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """By what incidents are compared. `subjects` are what their labels name, `causes` the likeliest causes."""

    incident_id: UUID
    alerts: frozenset[str]
    watches: frozenset[str]
    subjects: frozenset[str]
    causes: frozenset[str]


class SimilarIncident(msgspec.Struct, frozen=True, kw_only=True):
    """`alike` from 0 to 1; `in_common` says in what. `resolution` is unknown where nobody wrote it down."""

    id: UUID
    key: str
    title: str
    alike: float
    in_common: list[str]
    detected_at: datetime
    resolved_at: datetime | None
    resolution: str | None


class SuggestedAction(msgspec.Struct, frozen=True, kw_only=True):
    """`because` says where it comes from: RUNBOOK, RUNBOOK_URL, SIMILAR_INCIDENT or CHANGE, and `id` or `url` leads
    there."""

    text: str
    because: str
    id: UUID | None = None
    url: str | None = None


def likeness(one: Traits, other: Traits) -> tuple[float, list[str]]:
    """How alike two incidents are: shared by all of each trait, weighted; and what they share."""
    weight = gained = 0.0
    shared: list[str] = []
    for name, worth in _TRAITS:
        mine, theirs = getattr(one, name), getattr(other, name)
        if not mine and not theirs:
            continue
        common = mine & theirs
        weight += worth
        gained += worth * len(common) / len(mine | theirs)
        shared += sorted(common)
    return (gained / weight if weight else 0.0), list(dict.fromkeys(shared))


def most_alike(one: Traits, others: Sequence[Traits]) -> list[tuple[Traits, float, list[str]]]:
    found = [(other, *likeness(one, other)) for other in others if other.incident_id != one.incident_id]
    found = [item for item in found if item[1] >= _LEAST_ALIKE]
    return sorted(found, key=lambda item: (-item[1], -item[0].incident_id.int))[:MOST_SIMILAR]


def services_of(labels: Sequence[Labels], causes: Sequence[Cause]) -> list[str]:
    """The services that alerts and anomalies name, without doubles; a cause that no member names is not struck."""
    names = ("service", "destination_service_name", "service_name", "app", "container", "deployment", "workload")
    found = [next((one[name] for name in names if one.get(name)), "") for one in labels]
    return sorted({name for name in found if name})


def actions_from_changes(causes: Sequence[Cause], conclusive: bool) -> list[SuggestedAction]:
    """A change shortly before the likeliest cause moved is the first to be undone."""
    if not causes or not conclusive:
        return []
    return [
        SuggestedAction(text=f"See whether undoing this helps: {one.title} ({one.finding})", because="CHANGE")
        for one in causes[0].evidence
        if one.kind is EvidenceKind.CHANGE
    ]


def technical_summary(view: IncidentView, causes: Sequence[Cause], note: str | None) -> str:
    """For those who work on it: each cause with its reasons."""
    lines = [f"{view.key}: {view.title}."]
    if note is not None:
        lines.append(note)
    for place, cause in enumerate(causes, 1):
        reasons = "; ".join(cause.reasons)
        lines.append(
            f"{place}. {cause.title} ({cause.confidence:.0%}), moved at {cause.moved_at:%H:%M:%S} UTC: {reasons}."
        )
    return "\n".join(lines)


def executive_summary(
    view: IncidentView, causes: Sequence[Cause], note: str | None, services: Sequence[str], now: datetime
) -> str:
    """For those who ask how bad it is: what, how long, whom, why, and whether it is over."""
    over = view.status in CLOSED
    end = view.resolved_at if over and view.resolved_at else now
    lasted = duration((end - view.detected_at).total_seconds())
    what = f"{view.severity.value.capitalize()} incident {view.key}: {view.title}."
    when = f"It lasted {lasted} and is over." if over else f"It has lasted {lasted} so far."
    where = f"{len(view.clusters)} cluster{'' if len(view.clusters) == 1 else 's'}"
    whom = f"It affects {where}" + (f" and {_listed(services)}." if services else ".")
    if note is None and causes:
        why = f"The likeliest cause is {_said(causes[0])} ({causes[0].confidence:.0%} sure)."
    else:
        why = "What caused it is not known."
    return " ".join((what, when, whom, why))


def _said(cause: Cause) -> str:
    """The thing first, as people speak of it."""
    return (
        cause.title
        if not cause.subject or cause.subject in cause.title.split(":")[0]
        else f"{cause.subject}: {cause.title}"
    )


def _listed(services: Sequence[str]) -> str:
    more = f" and {len(services) - 3} more" if len(services) > 3 else ""
    word = "the service" if len(services) == 1 else "the services"
    return f"{word} {', '.join(services[:3])}{more}"
