"""Rules that shape alerts as they come in: labels out of texts and tables, several alerts that are one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.needs_alerts import AlertFilter, Deduplication, Extraction, LabelMatcher, Mapping
from aiops.observability.ports import Alert, AlertState, Severity
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.observability.service.alert_told import Webhook
from aiops.observability.service.alerts import AlertService
from aiops.observability.service.intake_rules import IntakeRules, RuleChange, RuleWish, Trial
from aiops.observability.store.alert_lists import PostgresAlertLists
from aiops.observability.store.alerts import PostgresAlertStore
from aiops.observability.store.intake_rules import PostgresIntakeRuleStore

HERE, THERE = new_id(), new_id()
ADMIN = Principal(PrincipalKind.USER, "u", "ann", Role.ADMIN, None)
SYSTEM = Principal.system("test")
TEAMS = "namespace,cluster_zone,team,severity\nshop,,payments,critical\nshop,east,payments-east,\n,,nobody,\n"


class House:
    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.clock = clock
        self.rules = IntakeRules(database, clock, PostgresIntakeRuleStore())
        self.alerts = AlertService(database, clock, PostgresAlertStore(), PostgresAlertLists(), self.rules)

    async def push(self, *alerts: dict[str, str], ended: bool = False, began: datetime | None = None) -> None:
        sender = Principal(PrincipalKind.SERVICE, "s", "am-east", None, frozenset({HERE}))
        moment = (began or self.clock.now()).isoformat()
        told = [
            {
                "labels": {"alertname": "Down", **labels},
                "startsAt": moment,
                "endsAt": self.clock.now().isoformat(),
                "annotations": {"summary": "Requests to pay-7 in eu-west fail"},
                "status": "resolved" if ended else "firing",
            }
            for labels in alerts
        ]
        await self.alerts.receive(sender, msgspec.convert({"alerts": told}, Webhook))

    async def read(self, *alerts: dict[str, str]) -> None:
        found = [
            FoundAlert({"alertname": "Down", **labels}, {}, self.clock.now(), f"mark-{number}")
            for number, labels in enumerate(alerts)
        ]
        shaped = await self.alerts.shaped(SYSTEM, HERE, found, "alertmanager")
        now = self.clock.now()
        await self.alerts.settle(SYSTEM, HERE, shaped, asked_at=now, up_since=now - timedelta(days=1))

    async def all(self) -> list[Alert]:
        return (await self.alerts.page(ADMIN, AlertFilter(None), None, 50)).items

    async def rule(self, name: str, **parts: Any) -> UUID:
        return (await self.rules.add(ADMIN, RuleWish(name=name, **parts))).id


@pytest.fixture
def house(database: Database, clock: VirtualClock) -> House:
    return House(database, clock)


async def test_labels_come_out_of_texts_and_tables_in_order_and_the_original_stays(house: House) -> None:
    of_text = Extraction("summary", r"to (?P<service>[a-z]+)-\d+ in (?P<cluster_zone>[a-z]+)", "ANNOTATION")
    await house.rule("who", position=2, mapping=Mapping(TEAMS, ["namespace", "cluster_zone"]))
    await house.rule("what", position=1, extraction=of_text)
    await house.push({"namespace": "shop", "severity": "info"}, {"namespace": "other"})
    shop, other = sorted(await house.all(), key=lambda one: one.labels["team"], reverse=True)
    assert shop.labels == {
        "alertname": "Down",
        "namespace": "shop",
        "severity": "info",
        "service": "pay",
        "cluster_zone": "eu",
        "team": "payments",
    }
    assert shop.original is not None
    assert shop.original.labels == {"alertname": "Down", "namespace": "shop", "severity": "info"}
    assert (shop.original.rules, other.labels["team"]) == (("what", "who"), "nobody")


async def test_a_table_overwrites_only_where_it_is_told_to_and_its_fullest_row_counts(house: House) -> None:
    await house.rule("who", mapping=Mapping(TEAMS, ["namespace", "cluster_zone"], overwrite=True))
    await house.push({"namespace": "shop", "severity": "info"}, {"namespace": "shop", "cluster_zone": "east"})
    found = {one.labels["team"]: one for one in await house.all()}
    assert found.keys() == {"payments", "payments-east"}
    assert (found["payments"].severity, found["payments"].sender_severity) == (Severity.CRITICAL, "critical")


@pytest.mark.parametrize("way", ["push", "read"])
async def test_alerts_that_a_rule_makes_one_fire_until_the_last_has_ended(house: House, way: str) -> None:
    await house.rule("per service", deduplication=Deduplication(["service"]))
    pods = [{"service": "pay", "pod": name, "severity": "warning"} for name in ("a", "b")]
    began = house.clock.now()
    await (house.push(*pods) if way == "push" else house.read(*pods))
    (one,) = await house.all()
    assert (one.labels, len(one.members)) == ({"alertname": "Down", "service": "pay", "severity": "warning"}, 2)
    await house.clock.advance(60)
    await (house.push(pods[0], ended=True, began=began) if way == "push" else house.read(pods[1]))
    (still,) = await house.all()
    assert (still.state, still.occurrences, still.starts_at) == (AlertState.FIRING, 1, one.starts_at)
    await house.clock.advance(60)
    await (house.push(pods[1], ended=True, began=began) if way == "push" else house.read())
    (over,) = await house.all()
    assert (over.state, over.members) == (AlertState.RESOLVED, ())
    await house.clock.advance(60)
    await (house.push(pods[0]) if way == "push" else house.read(pods[0]))
    assert [(again.state, again.occurrences) for again in await house.all()] == [(AlertState.FIRING, 2)]


async def test_what_was_told_before_the_rule_goes_on_in_the_one_that_it_makes(house: House) -> None:
    pods = [{"service": "pay", "pod": name} for name in ("a", "b")]
    await house.push(*pods)
    await house.rule("per service", deduplication=Deduplication(["service"]))
    await house.push(*pods)
    states = sorted((len(one.members), one.state.value) for one in await house.all())
    assert states == [(0, "RESOLVED"), (0, "RESOLVED"), (2, "FIRING")]


async def test_a_rule_concerns_only_its_clusters_its_source_and_what_its_matchers_fit(house: House) -> None:
    sets = Mapping("alertname,owner\n,me\n", ["alertname"])
    await house.rule("elsewhere", mapping=sets, cluster_ids=[THERE])
    await house.rule("grafana's", mapping=sets, source="grafana")
    await house.rule("not disks", mapping=sets, matchers=[LabelMatcher("disk", ".+", is_regex=True)])
    await house.push({"pod": "a"})
    assert (await house.all())[0].original is None
    await house.rule("of that source", mapping=sets, source="am-east")
    await house.push({"pod": "b"})
    assert sorted(one.labels.get("owner", "") for one in await house.all()) == ["", "me"]


async def test_a_rule_is_tried_before_it_counts(house: House) -> None:
    wish = RuleWish(name="who", mapping=Mapping(TEAMS, ["namespace", "cluster_zone"]))
    labels = {"alertname": "Down", "namespace": "shop"}
    tried = await house.rules.tried(ADMIN, Trial(cluster_id=HERE, labels=labels, rule=wish))
    assert [(step.rule, step.set) for step in tried.steps] == [("who", {"team": "payments", "severity": "critical"})]
    assert (tried.severity, tried.merged, await house.rules.all(ADMIN)) == (Severity.CRITICAL, False, [])


async def test_rules_that_cannot_be_applied_are_refused_with_the_reason(house: House) -> None:
    for parts, why in (
        ({}, "one of the three"),
        ({"extraction": Extraction("pod", "(a+)+$")}, "names no group"),
        ({"extraction": Extraction("pod", r"(?P<x>a)\1")}, "is wrong"),
        ({"mapping": Mapping("a,b\n1\n", ["a"])}, "Line 2 has 1 cells"),
        ({"mapping": Mapping("a,b\n1,2\n", ["c"])}, "columns to compare"),
        ({"deduplication": Deduplication(["no-name"])}, "no name of a label"),
    ):
        with pytest.raises(Invalid, match=why):
            await house.rule("wrong", **parts)


async def test_only_who_sees_all_that_a_rule_concerns_changes_it(house: House) -> None:
    same = Deduplication(["service"])
    both = await house.rule("both", deduplication=same, cluster_ids=[HERE, THERE])
    await house.rule("all", deduplication=same)
    bob = Principal(PrincipalKind.USER, "v", "bob", Role.OPERATOR, frozenset({HERE}))
    eve = Principal(PrincipalKind.USER, "w", "eve", Role.VIEWER, None)
    assert [(one.name, one.cluster_ids) for one in await house.rules.all(bob)] == [("both", [HERE])]
    for asker, wish, refusal in (
        (eve, RuleWish(name="x", deduplication=same), PermissionDenied),
        (bob, RuleWish(name="x", deduplication=same), PermissionDenied),
        (bob, RuleWish(name="x", deduplication=same, cluster_ids=[THERE]), NotFound),
    ):
        with pytest.raises(refusal):
            await house.rules.add(asker, wish)
    with pytest.raises(PermissionDenied):
        await house.rules.delete(bob, both)
    change = RuleChange(name="both", deduplication=same, cluster_ids=[HERE], revision=1)
    assert (await house.rules.change(ADMIN, both, change)).revision == 2
    with pytest.raises(Conflict):
        await house.rules.change(ADMIN, both, change)
