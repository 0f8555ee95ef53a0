from __future__ import annotations

import pytest

from aiops.intelligence.domain.causes import Cause, EvidenceKind, Structure
from aiops.intelligence.domain.topology import Topology
from aiops.intelligence.ranking.incident import rank
from tests.lab.made_fleet import calls_alone
from tests.lab.scenarios import SCENARIOS, WITHOUT_CAUSE, MadeIncident, made_incident

SEEDS = range(5000, 5003)


def ranked(case: MadeIncident) -> list[str]:
    return [cause.subject for cause in rank(case.signals, case.alerts, case.onset, case.structure).causes]


def test_most_faults_are_traced_to_their_cause() -> None:
    cases = [made_incident(name, seed) for name in SCENARIOS for seed in SEEDS]
    found = [(case.causes, ranked(case)) for case in cases]
    assert sum(bool(names) and names[0] in causes for causes, names in found) >= 0.75 * len(found)
    assert sum(bool(set(names[:3]) & causes) for causes, names in found) >= 0.9 * len(found)


def test_where_the_cause_is_not_in_the_data_the_answer_is_mostly_that_it_is_not_known() -> None:
    cases = [made_incident(name, seed) for name in WITHOUT_CAUSE for seed in SEEDS]
    notes = [rank(case.signals, case.alerts, case.onset, case.structure).note for case in cases]
    assert sum(note is not None and note.startswith("Inconclusive") for note in notes) >= 0.6 * len(notes)


def test_a_machine_is_told_as_the_cause_where_nothing_says_what_runs_on_it() -> None:
    told = []
    for case in (made_incident(name, seed) for name in ("CPU hog", "full disk", "node down") for seed in SEEDS):
        assert isinstance(case.structure.topology, Topology)
        verdict = rank(case.signals, case.alerts, case.onset, Structure(topology=calls_alone(case.structure.topology)))
        told.append(verdict.note is None and verdict.causes[0].subject in case.causes)
    assert sum(told) >= 7


def test_faults_of_two_clusters_at_once_are_no_rivals() -> None:
    one, other = made_incident("node down", 5000), made_incident("node down", 5001)
    onset = min(one.onset, other.onset)
    alone = [rank(case.signals, case.alerts, onset, _placed(case)) for case in (one, other)]
    both = rank([*one.signals, *other.signals], [*one.alerts, *other.alerts], onset, _placed(one, other))
    assert both.note is None
    for case, verdict in zip((one, other), alone, strict=True):
        here = [cause for cause in both.causes if cause.cluster_id == case.signals[0].cluster_id]
        assert here[0].subject == verdict.causes[0].subject
        assert here[0].confidence == pytest.approx(verdict.causes[0].confidence, abs=0.1)


def test_a_bad_rollout_shows_the_change_and_who_suffers_beside_the_numbers() -> None:
    case = made_incident("bad rollout", 5001)
    cause = _cause(case)
    kinds = {one.kind for one in cause.evidence}
    assert {EvidenceKind.METRIC, EvidenceKind.CHANGE} <= kinds
    (change,) = [one for one in cause.evidence if one.kind is EvidenceKind.CHANGE]
    assert change.title.startswith("Rollout of")
    assert any("changed" in reason for reason in cause.reasons)


@pytest.mark.parametrize("left_out", ["topology", "changes", "logs", "traces"])
def test_what_nobody_keeps_is_not_used_and_is_said_to_be_missing(left_out: str) -> None:
    known = {"topology", "changes", "logs", "traces"} - {left_out}
    case = made_incident("error burst", 5002)
    given = {name: getattr(case.structure, name) for name in known}
    structure = Structure(**given)
    assert structure.missing() == [{"logs": "log patterns"}.get(left_out, left_out)]
    assert rank(case.signals, case.alerts, case.onset, structure).causes


def _placed(*cases: MadeIncident) -> Structure:
    known = [case.structure.topology for case in cases]
    nodes = [node for one in known if isinstance(one, Topology) for node in one.nodes]
    edges = [edge for one in known if isinstance(one, Topology) for edge in one.edges_among(node.id for node in nodes)]
    return Structure(topology=Topology(nodes, edges))


def _cause(case: MadeIncident) -> Cause:
    causes = rank(case.signals, case.alerts, case.onset, case.structure).causes
    return next(cause for cause in causes if cause.subject in case.causes)
