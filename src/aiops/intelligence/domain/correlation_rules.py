"""Rules that people write: which alerts belong together whatever else is known of them, and which stay apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from aiops.intelligence.domain.correlation.arrivals import Arrival, key_of
from aiops.intelligence.domain.correlation.placing import Ruling

_MOST_FAILURES = 5

CLUSTER = "cluster"
"""In `group_by`: the cluster itself, beside the names of labels."""


class RuleAction(StrEnum):
    GATHER = "GATHER"
    """What matches joins one incident for each value of what it is grouped by."""
    APART = "APART"
    """What matches joins nothing but its own incident."""


class CorrelationRule(msgspec.Struct, frozen=True, kw_only=True):
    """The first rule by `place` whose `expression` holds decides. `failures` counts what it could not judge;
    `last_failure` is told to those who see the whole fleet."""

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


class Condition(Protocol):
    """A compiled expression."""

    def holds(self, arrival: Arrival, cluster: ClusterFacts) -> bool:
        """Raises `ValueError` where it can't be judged. A label that is not there makes it not hold."""


Compile = Callable[[str], Condition]
"""Raises `Invalid` with the position of the fault as its details: `line` and `column`, from 1."""


class Judged(NamedTuple):
    rulings: dict[tuple[UUID, str, str], Ruling]
    failures: dict[UUID, list[str]]


def judge(
    rules: Sequence[tuple[CorrelationRule, Condition]],
    arrivals: Sequence[Arrival],
    clusters: Mapping[UUID, ClusterFacts],
) -> Judged:
    """What the rules say of each, by its mark, and what failed, by rule."""
    found = Judged({}, {})
    for arrival in arrivals:
        facts = clusters.get(arrival.cluster_id, ClusterFacts("", "", ""))
        for rule, condition in rules:
            # Each may take as long as an evaluation is allowed to: the rest of a batch is not held up by it.
            if len(found.failures.get(rule.id, ())) >= _MOST_FAILURES:
                continue
            try:
                if not condition.holds(arrival, facts):
                    continue
            except ValueError as error:
                found.failures.setdefault(rule.id, []).append(str(error))
                continue
            found.rulings[arrival.mark] = _ruling(rule, arrival, facts)
            break
    return found


def group_of(group_by: Sequence[str], arrival: Arrival, cluster: ClusterFacts) -> str:
    """`namespace=shop, cluster=east`: what the arrival is grouped by."""
    values = ((name, cluster.name if name == CLUSTER else arrival.labels.get(name, "")) for name in group_by)
    return key_of(", ".join(f"{name}={value or '-'}" for name, value in values))


class Gathered(NamedTuple):
    """What a rule would have gathered: arrivals of one group, none much later than the one before."""

    group: str
    arrivals: list[Arrival]


def rehearse(
    condition: Condition,
    group_by: Sequence[str],
    within: timedelta,
    arrivals: Sequence[Arrival],
    clusters: Mapping[UUID, ClusterFacts],
) -> tuple[list[Gathered], int]:
    """What the rule would have gathered of the past, largest first, and how many it could not judge."""
    open_groups: dict[str, Gathered] = {}
    done: list[Gathered] = []
    failures = 0
    for arrival in sorted(arrivals, key=lambda one: one.started_at):
        facts = clusters.get(arrival.cluster_id, ClusterFacts("", "", ""))
        try:
            if not condition.holds(arrival, facts):
                continue
        except ValueError:
            failures += 1
            continue
        group = group_of(group_by, arrival, facts)
        known = open_groups.get(group)
        if known is not None and arrival.started_at - known.arrivals[-1].started_at <= within:
            known.arrivals.append(arrival)
            continue
        open_groups[group] = Gathered(group, [arrival])
        done.append(open_groups[group])
    return sorted(done, key=lambda one: (-len(one.arrivals), one.arrivals[0].started_at)), failures


def _ruling(rule: CorrelationRule, arrival: Arrival, cluster: ClusterFacts) -> Ruling:
    if rule.action is RuleAction.APART:
        return Ruling(apart=rule.name)
    group = group_of(rule.group_by, arrival, cluster)
    return Ruling(keys=(f"{rule.id}\x1f{rule.name}\x1f{rule.within_s}\x1f{group}",))
