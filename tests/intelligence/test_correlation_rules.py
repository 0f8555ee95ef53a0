"""Rules that people write in CEL: checked with the place of the fault, tried on the past, and at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from aiops.intelligence.cel.judge import CelJudge
from aiops.intelligence.cel.language import Cel, Fault
from aiops.intelligence.domain.correlation import Arrival, ArrivalKind
from aiops.intelligence.domain.correlation_rules import ClusterFacts, RuleAction, RuleDraft, case_of
from aiops.intelligence.service.rules import LEFT_OUT_FOR, Rules, RuleTrial
from aiops.intelligence.store.rules import SqlRules
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Severity
from tests.intelligence.test_incidents import ROOT, Hub, person

HERE = ClusterFacts("east", "PRODUCTION", "eu")


class Fleet:
    """Clusters by id, each named by its place."""

    def __init__(self, *ids: UUID) -> None:
        self._ids = ids

    async def visible(self, principal: Principal) -> list[Any]:
        where = SimpleNamespace(value="PRODUCTION")
        return [
            SimpleNamespace(id=one, name=f"c{at}", environment=where, region=None)
            for at, one in enumerate(self._ids)
            if principal.sees(one)
        ]


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


@pytest.fixture(scope="module")
def judge() -> Iterator[CelJudge]:
    judge = CelJudge()
    yield judge
    judge.close()


WithRules = Callable[..., Rules]


@pytest.fixture
def with_rules(hub: Hub, judge: CelJudge) -> WithRules:
    def given(*clusters: UUID) -> Rules:
        rules = Rules(hub.database, hub.clock, SqlRules(), cast(Any, Fleet(*clusters)), judge, judge)
        hub.rulings = rules
        hub.start()
        return rules

    return given


def arrival(clock: VirtualClock, **labels: str) -> Arrival:
    return Arrival(
        kind=ArrivalKind.ALERT, cluster_id=new_id(), name="LinkDown", subject="f", phrase="", short="",
        severity=Severity.HIGH, labels=labels, started_at=clock.now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "line", "column"),
    [
        ("labels.a ==", 1, 12),
        ('labels.a == "x" &&\n  nothing == 1', 2, 3),
        ('alert.name == "x" || size(alert.name) == "2"', 1, 39),
        ("labels.a", 1, 1),
        ("", 1, 1),
    ],
)
def test_a_fault_is_told_with_its_place(expression: str, line: int, column: int) -> None:
    with pytest.raises(Fault) as caught:
        Cel().compile(expression)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_an_expression_is_judged_and_a_label_that_is_not_there_makes_it_false(clock: VirtualClock) -> None:
    cel = Cel()

    def holds(expression: str, **labels: str) -> bool:
        return cel.compile(expression).holds(cel.given(case_of(arrival(clock, **labels), HERE)))

    assert holds('labels.site == "x" && cluster.environment == "PRODUCTION"', site="x")
    assert not holds('labels.site == "x"')
    assert holds('!("site" in labels) && alert.severity == "HIGH" && alert.name.matches("^Link.*")')


def test_an_evaluation_that_would_not_end_is_given_up(clock: VirtualClock) -> None:
    endless = "false"
    for name in "abcdef":
        endless = f"labels.exists({name}, {endless})"
    cel = Cel()
    condition = cel.compile(endless)
    with pytest.raises(ValueError, match="budget"):
        condition.holds(cel.given(case_of(arrival(clock, **{f"l{number}": "v" for number in range(150)}), HERE)))


async def test_a_rule_gathers_across_time_and_clusters_and_says_so(hub: Hub, with_rules: WithRules) -> None:
    a, b = new_id(), new_id()
    rules = with_rules(a, b)
    await rules.put(ROOT, RuleDraft("one night", 'alert.name.startsWith("Alert-backup")', within_s=3600))
    await hub.fire(a, "backup-1")
    await hub.clock.advance(1800)
    await hub.fire(b, "backup-2")
    detail = await hub.only()
    assert [one.reason for one in detail.alerts][1] == "It joined because the rule “one night” gathers it"
    assert detail.alerts[1].joined_by == "rule"


async def test_a_rule_keeps_apart_what_would_have_been_gathered_until_it_is_off(
    hub: Hub, with_rules: WithRules
) -> None:
    a = new_id()
    rules = with_rules(a)
    draft = RuleDraft("noise", 'alert.name == "Alert-loud"', action=RuleAction.APART)
    rule = await rules.put(ROOT, draft)
    await hub.fire(a, "first")
    await hub.fire(a, "loud")
    assert len(await hub.incidents()) == 2
    await rules.put(ROOT, msgspec.structs.replace(draft, enabled=False), rule.id)
    await hub.fire(a, "loud", resolved=True)
    await hub.clock.advance(90)
    await hub.episodes.settle()
    await hub.clock.advance(3600)
    await hub.fire(a, "first", resolved=True)
    await hub.fire(a, "third")
    await hub.fire(a, "loud")
    (latest, *_) = await hub.incidents()
    assert latest.alert_count == 2


async def test_a_rule_is_tried_on_the_past_within_the_readers_scope(hub: Hub, with_rules: WithRules) -> None:
    a, b = new_id(), new_id()
    rules = with_rules(a, b)
    for at, (cluster, mark) in enumerate([(a, "x"), (b, "x"), (a, "y"), (b, "z")]):
        await hub.clock.advance(600)
        await hub.fire(cluster, f"{mark}{at}")
    trial = RuleTrial('alert.name.startsWith("Alert-x")', within_s=900)
    tried = await rules.rehearse(ROOT, trial)
    assert (tried.looked_at, tried.matched, tried.group_count, tried.incidents) == (4, 2, 1, 2)
    assert set(tried.groups[0].clusters) == {a, b}
    apart = await rules.rehearse(ROOT, msgspec.structs.replace(trial, group_by=["cluster"]))
    assert [one.group for one in apart.groups] == ["cluster=c0", "cluster=c1"]
    limited = await rules.rehearse(person(Role.VIEWER, a), trial)
    assert (limited.looked_at, limited.matched) == (2, 1)
    assert str(b) not in repr(limited)


async def test_rules_are_the_whole_fleets_and_have_names_of_their_own(hub: Hub, with_rules: WithRules) -> None:
    a = new_id()
    rules = with_rules(a)
    await rules.put(ROOT, RuleDraft("one", "true", place=2))
    await rules.put(ROOT, RuleDraft("two", "true", place=1))
    assert [one.name for one in await rules.all(person(Role.VIEWER, a))] == ["two", "one"]
    with pytest.raises(Conflict):
        await rules.put(ROOT, RuleDraft("one", "true"))
    for refused in (person(Role.VIEWER), person(Role.OPERATOR, a)):
        with pytest.raises(PermissionDenied):
            await rules.put(refused, RuleDraft("three", "true"))


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('alert.name.matches("(a?){900}a{900}b")', "more than 100 ms"),
        ('"never" in labels && labels.never.matches("((a{1,30}){1,30}){1,30}b")', "invalid regular expression"),
        ("labels.exists(a, labels.exists(b, labels.exists(c, labels.exists(d, false))))", "budget|more than 100 ms"),
        ("labels.map(a, labels[a]).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x)"
         '.map(x, x+x+x+x+x+x+x+x).exists(x, x.contains("no"))', "more than 100 ms"),
        ("labels.a ==", "column 12"),
    ],
)  # fmt: skip
async def test_a_rule_that_could_hold_up_the_others_is_not_kept(
    with_rules: WithRules, expression: str, why: str
) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        await with_rules().put(ROOT, RuleDraft("slow", expression))
    assert caught.value.details is not None


async def test_a_rule_that_takes_too_long_is_left_out_and_says_why_and_the_others_go_on(
    hub: Hub, with_rules: WithRules
) -> None:
    a = new_id()
    rules = with_rules(a)
    slow = await rules.put(ROOT, RuleDraft("slow", 'alert.name == "never"', place=1))
    await rules.put(ROOT, RuleDraft("apart", 'alert.name == "Alert-loud"', action=RuleAction.APART, place=2))
    # As one that took no time on what it was tried on when it was written.
    hard = "!alert.name.matches(alert.name + '(a?){900}b')"
    for name in "abc":
        hard = f"[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].all({name}, {hard})"
    async with hub.database.begin() as tx:
        await SqlRules().put(tx, msgspec.structs.replace(slow, expression=hard))
        await tx.commit()
    await hub.fire(a, "first")
    await hub.fire(a, "loud")
    assert len(await hub.incidents()) == 2
    told = (await rules.all(ROOT))[0]
    assert (told.failures, told.left_out_until) == (1, hub.clock.now() + LEFT_OUT_FOR)
    assert (told.last_failure or "").startswith("Left out for 5 min: it took more than 101 ms for 1 alert")
    await hub.clock.advance(LEFT_OUT_FOR.total_seconds())
    await hub.fire(a, "later")
    assert (await rules.all(ROOT))[0].failures == 2
    await rules.put(ROOT, RuleDraft("slow", "false", place=1), slow.id)
    assert (await rules.all(ROOT))[0].left_out_until is None
