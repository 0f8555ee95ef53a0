"""Rules that people write: which alerts belong together whatever else is known of them, and which stay apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from aiops.intelligence.domain.correlation.arrivals import Arrival, key_of
from aiops.intelligence.domain.correlation.placing import Ruling
from aiops.intelligence.domain.rule_cases import Case

CLUSTER = "cluster"
"""In `group_by`: the cluster itself, beside the names of labels."""


class RuleAction(StrEnum):
    GATHER = "GATHER"
    """What matches joins one incident for each value of what it is grouped by."""
    APART = "APART"
    """What matches joins nothing but its own incident."""


class CorrelationRule(msgspec.Struct, frozen=True, kw_only=True):
    """The first rule by `place` whose `expression` holds decides. `failures` counts what it could not judge;
    `last_failure` is told to those who see the whole fleet. One that took too long is left out for a while."""

    id: UUID
    name: str
    expression: str
    action: RuleAction
    group_by: list[str]
    within_s: int
    enabled: bool
    place: int
    note: str
    changed_by: str
    changed_at: datetime
    failures: int = 0
    last_failure: str | None = None
    left_out_until: datetime | None = None


class RuleDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`group_by` are names of labels, and `cluster`; `within_s` is how long after the last of a group another joins."""

    name: str
    expression: str
    action: RuleAction = RuleAction.GATHER
    group_by: list[str] = []
    within_s: int = 600
    enabled: bool = True
    place: int = 100
    note: str = ""


class ClusterFacts(NamedTuple):
    name: str
    environment: str
    region: str


_NOWHERE = ClusterFacts("", "", "")


class Verdict(NamedTuple):
    """Of one expression: the places of the cases for which it holds, and what it could not judge; or that it was not
    judged to its end. A `fault` is at that line and column, `slow` is its own doing, `late` that of others."""

    holds: tuple[int, ...] = ()
    failures: tuple[str, ...] = ()
    fault: str | None = None
    at: tuple[int, int] = (1, 1)
    slow: str | None = None
    late: str | None = None

    @property
    def missing(self) -> str | None:
        """Why it says nothing of some."""
        return self.slow or self.late or self.fault


class Judge(Protocol):
    """Evaluates expressions where one that does not end holds up nobody. Blocks: for a thread."""

    def judge(self, expressions: Sequence[str], cases: Sequence[Case], seconds: float, in_all: float) -> list[Verdict]:
        """Each case is given to the expressions in their order, until one holds. `seconds` of processor time are each
        expression's for all cases, `in_all` those of all of them. A label that is not there makes one not hold."""


class Judged(NamedTuple):
    rulings: dict[tuple[UUID, str, str], Ruling]
    verdicts: dict[UUID, Verdict]
    """By rule."""


def judge(
    rules: Sequence[CorrelationRule],
    arrivals: Sequence[Arrival],
    clusters: Mapping[UUID, ClusterFacts],
    by: Judge,
) -> Judged:
    """What the rules say of each, by its mark. So long that all of a batch are not held up by a rule."""
    facts = [clusters.get(one.cluster_id, _NOWHERE) for one in arrivals]
    cases = [case_of(*one) for one in zip(arrivals, facts, strict=True)]
    seconds, in_all = 0.1 + 0.001 * len(cases), 1.0 + 0.002 * len(cases)
    verdicts = by.judge([one.expression for one in rules], cases, seconds, in_all)
    found = Judged({}, dict(zip((one.id for one in rules), verdicts, strict=True)))
    for rule, verdict in zip(rules, verdicts, strict=True):
        for at in verdict.holds:
            found.rulings[arrivals[at].mark] = _ruling(rule, arrivals[at], facts[at])
    return found


def case_of(arrival: Arrival, cluster: ClusterFacts) -> Case:
    alert = {"name": arrival.name, "severity": arrival.severity.value, "fingerprint": arrival.subject}
    return Case(alert, dict(arrival.labels), cluster._asdict())


def group_of(group_by: Sequence[str], arrival: Arrival, cluster: ClusterFacts) -> str:
    """`namespace=shop, cluster=east`: what the arrival is grouped by."""
    values = ((name, cluster.name if name == CLUSTER else arrival.labels.get(name, "")) for name in group_by)
    return key_of(", ".join(f"{name}={value or '-'}" for name, value in values))


class Gathered(NamedTuple):
    """What a rule would have gathered: arrivals of one group, none much later than the one before."""

    group: str
    arrivals: list[Arrival]


def gathered(
    group_by: Sequence[str],
    within: timedelta,
    fitting: Sequence[Arrival],
    clusters: Mapping[UUID, ClusterFacts],
) -> list[Gathered]:
    """What a rule that these fit would have gathered of them, largest first."""
    open_groups: dict[str, Gathered] = {}
    done: list[Gathered] = []
    for arrival in sorted(fitting, key=lambda one: one.started_at):
        group = group_of(group_by, arrival, clusters.get(arrival.cluster_id, _NOWHERE))
        known = open_groups.get(group)
        if known is not None and arrival.started_at - known.arrivals[-1].started_at <= within:
            known.arrivals.append(arrival)
            continue
        open_groups[group] = Gathered(group, [arrival])
        done.append(open_groups[group])
    return sorted(done, key=lambda one: (-len(one.arrivals), one.arrivals[0].started_at))


def _ruling(rule: CorrelationRule, arrival: Arrival, cluster: ClusterFacts) -> Ruling:
    if rule.action is RuleAction.APART:
        return Ruling(apart=rule.name)
    group = group_of(rule.group_by, arrival, cluster)
    return Ruling(keys=(f"{rule.id}\x1f{rule.name}\x1f{rule.within_s}\x1f{group}",))
