from __future__ import annotations

import pytest

from aiops.intelligence.domain.causes import Cause, EvidenceKind, Structure
from aiops.intelligence.ranking.incident import rank
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


def _cause(case: MadeIncident) -> Cause:
    causes = rank(case.signals, case.alerts, case.onset, case.structure).causes
    return next(cause for cause in causes if cause.subject in case.causes)
