"""An incident's analysis: what was done before, what people wrote down, and what they said of the cause."""

from __future__ import annotations

from uuid import UUID

import pytest

from aiops.intelligence.domain.analysis import CauseVerdict
from aiops.intelligence.domain.runbooks import RunbookDraft
from aiops.intelligence.service.analysis import AnalysisService
from aiops.intelligence.service.runbooks import Runbooks
from aiops.intelligence.service.structure import StructureReader
from aiops.intelligence.store.analysis import SqlAnalysis
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.intelligence.store.log_findings import SqlLogFindings
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.intelligence.store.runbooks import SqlRunbooks
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Role
from aiops.observability.fakes import FakeMetrics
from tests.intelligence.test_incidents import ROOT, Hub, person


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


@pytest.fixture
def runbooks(hub: Hub) -> Runbooks:
    return Runbooks(hub.database, hub.clock, SqlRunbooks())


@pytest.fixture
def analysis(hub: Hub) -> AnalysisService:
    around = StructureReader(hub.database, SqlLogFindings(), SqlLogPatterns())
    stores = (SqlAnalysis(), SqlRunbooks(), SqlIncidents())
    return AnalysisService(
        hub.database, hub.clock, *stores, hub.reading, hub.watcher, around, hub.alerts, FakeMetrics()
    )


async def fault(hub: Hub, cluster: UUID) -> UUID:
    """CPU leaves its past, is ranked, and is over; gives the incident."""
    await hub.tick(cluster, times=10)
    await hub.tick(cluster, times=8, node_cpu=0.98)
    await hub.ranking.step()
    found = (await hub.incidents())[0].id
    await hub.tick(cluster, times=8)
    await hub.clock.advance(100)
    await hub.episodes.settle()
    return found


async def test_what_resolved_a_similar_incident_is_suggested_for_the_next(hub: Hub, analysis: AnalysisService) -> None:
    a, b = new_id(), new_id()
    await hub.past(a)
    first = await fault(hub, a)
    with pytest.raises(Invalid):
        await analysis.resolve(ROOT, first, "  ")
    await analysis.resolve(person(Role.OPERATOR), first, "The report was stopped.")
    await hub.clock.advance(600)
    await hub.past(b)
    second = await fault(hub, b)
    assert second != first
    found = await analysis.of_incident(ROOT, second)
    assert [one.id for one in found.similar] == [first]
    # The same watch, on another host of another cluster.
    assert 0.2 < found.similar[0].alike < 0.5
    assert "node_cpu" in found.similar[0].in_common
    assert [one.text.partition(" ")[2] for one in found.suggested_actions] == [
        "was resolved by: The report was stopped."
    ]
    assert "The likeliest cause is CPU of" in found.executive_summary
    assert "is over" in found.executive_summary
    with pytest.raises(NotFound):
        await analysis.of_incident(person(Role.VIEWER, new_id()), second)


async def test_a_runbook_is_found_by_the_labels_of_alerts_and_the_closest_comes_first(
    hub: Hub, analysis: AnalysisService, runbooks: Runbooks
) -> None:
    a, ann = new_id(), person(Role.OPERATOR)
    await hub.fire(a, "f1")
    wide = RunbookDraft(title="Anything", markdown="# look", matchers=[{"alertname": "Alert-*"}])
    await runbooks.put(ann, RunbookDraft(title="Else", markdown="", matchers=[{"alertname": "Other"}]))
    await runbooks.put(ann, wide)
    close = await runbooks.put(ann, RunbookDraft(title="This", markdown="", matchers=[{"alertname": "Alert-f1"}]))
    found = await analysis.of_incident(ROOT, (await hub.only()).view.id)
    assert [book.title for book in found.runbooks] == ["Anything", "This"]
    assert found.note is None or found.note.startswith("Inconclusive")
    with pytest.raises(Conflict):
        await runbooks.put(ann, wide)
    with pytest.raises(PermissionDenied):
        await runbooks.put(person(Role.OPERATOR, a), wide)
    with pytest.raises(Invalid):
        await runbooks.put(ann, RunbookDraft(title="x", markdown="", matchers=[{}]), close.id)
    await runbooks.delete(ann, close.id)
    assert [book.title for book in await runbooks.all(person(Role.VIEWER, a))] == ["Anything", "Else"]


async def test_what_people_say_of_causes_is_kept_once_each_and_counted(hub: Hub, analysis: AnalysisService) -> None:
    a, ann = new_id(), person(Role.OPERATOR)
    await hub.past(a)
    incident_id = await fault(hub, a)
    await analysis.say(ann, incident_id, 1, CauseVerdict.WRONG, "no")
    (said,) = await analysis.say(ann, incident_id, 1, CauseVerdict.RIGHT, "it was")
    assert (said.verdict, said.place, said.by) == (CauseVerdict.RIGHT, 1, "ann")
    found = await analysis.accuracy(ROOT)
    assert (found.judged, found.right, found.incidents, found.found) == (1, 1, 1, 1)
    assert found.expected_right == pytest.approx(said.confidence)
    assert (await analysis.accuracy(person(Role.VIEWER, new_id()))).judged == 0
    with pytest.raises(NotFound):
        await analysis.say(ann, incident_id, 9, CauseVerdict.WRONG, "")
    with pytest.raises(PermissionDenied):
        await analysis.say(person(Role.VIEWER), incident_id, 1, CauseVerdict.WRONG, "")


async def test_clusters_are_ranked_at_any_moment_within_scope(hub: Hub, analysis: AnalysisService) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=10)
    began = hub.clock.now()
    await hub.tick(a, times=8, node_cpu=0.98)
    causes, _ = await analysis.causes_now(person(Role.VIEWER, a), [a], began)
    assert causes[0].watch == "node_cpu"
    with pytest.raises(NotFound):
        await analysis.causes_now(person(Role.VIEWER, new_id()), [a], began)
