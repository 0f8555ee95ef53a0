"""Rules of correlation: kept, checked, tried on the past, and asked about what arrives."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.intelligence.domain.correlation import Arrival
from aiops.intelligence.domain.correlation.placing import Ruling
from aiops.intelligence.domain.correlation_rules import (
    CLUSTER,
    ClusterFacts,
    CorrelationRule,
    Judge,
    RuleDraft,
    Verdict,
    case_of,
    gathered,
    judge,
)
from aiops.intelligence.domain.rule_probes import PROBE_S, REFUSED, probes_of
from aiops.intelligence.needs_rules import RuleStore
from aiops.intelligence.service.gathering import of_alert
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Labels
from aiops.registry.ports import Clusters

MOST_RULES = 100
MOST_TRIED = 20_000
LONGEST_TRIAL_S = 10.0
LEFT_OUT_FOR = timedelta(minutes=5)
"""A rule that took too long is not tried again for so long: it would hold up each batch anew."""
_MOST_GROUPS = 50
_SHOWN = 5


class RuleTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expression: str
    group_by: list[str] = []
    within_s: int = 600
    hours: int = 24


class TriedAlert(msgspec.Struct, frozen=True):
    cluster_id: UUID
    name: str
    labels: Labels
    started_at: datetime
    incident_key: str


class TriedGroup(msgspec.Struct, frozen=True):
    """What would have been one incident: how many alerts, on which clusters, and in which incidents they are."""

    group: str
    alerts: int
    clusters: list[UUID]
    first_at: datetime
    last_at: datetime
    incident_keys: list[str]
    examples: list[TriedAlert]


class RuleTried(msgspec.Struct, frozen=True):
    """Of `looked_at` alerts `matched` fit; `cut` says that there were more than were looked at. The `groups` are the
    largest of `group_count`; `incidents` is in how many incidents these alerts are now."""

    looked_at: int
    matched: int
    failures: int
    cut: bool
    group_count: int
    incidents: int
    groups: list[TriedGroup]


class Rules:
    """The rules of the whole fleet; and `needs_incidents.Rulings`, of what arrives."""

    def __init__(
        self, transactions: Transactions, clock: Clock, store: RuleStore, clusters: Clusters, live: Judge, trying: Judge
    ) -> None:
        """`trying` judges what people try: what arrives does not wait for it."""
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._live, self._trying = live, trying
        self._system = Principal.system("correlation")

    async def all(self, principal: Principal) -> list[CorrelationRule]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found = await self._store.all(tx)
        if principal.clusters is None:
            return found
        # A failure may quote an alert of any cluster.
        return [msgspec.structs.replace(one, last_failure=None) for one in found]

    async def put(self, principal: Principal, draft: RuleDraft, rule_id: UUID | None = None) -> CorrelationRule:
        """Add one, or replace that one. Raises `Invalid` with the position of a fault, `Conflict` for a taken name."""
        principal.require(Role.OPERATOR)
        principal.require_whole_fleet()
        rule = await self._checked(principal, draft, rule_id)
        async with self._transactions.begin() as tx:
            known = {one.id for one in await self._store.all(tx)}
            if rule_id is not None and rule_id not in known:
                raise NotFound("There is no such rule.")
            if rule_id is None and len(known) >= MOST_RULES:
                raise Conflict(f"There are {MOST_RULES} rules; each alert is tried by all of them.")
            if not await self._store.put(tx, rule):
                raise Conflict(f"There is a rule {rule.name} already.", code="RULE_EXISTS")
            await tx.commit()
        return rule

    async def delete(self, principal: Principal, rule_id: UUID) -> None:
        principal.require(Role.OPERATOR)
        principal.require_whole_fleet()
        async with self._transactions.begin() as tx:
            if not await self._store.delete(tx, rule_id):
                raise NotFound("There is no such rule.")
            await tx.commit()

    async def rehearse(self, principal: Principal, trial: RuleTrial) -> RuleTried:
        """What it would have gathered of the alerts in the reader's scope; nothing is changed."""
        principal.require(Role.VIEWER)
        _check_window(trial.within_s)
        if not 1 <= trial.hours <= 24 * 7:
            raise Invalid("A rule is tried on the last 1 to 168 hours.")
        await self._check(trial.expression)
        clusters = await self._facts(principal)
        async with self._transactions.begin() as tx:
            kept = await self._store.alerts_since(
                tx,
                self._clock.now() - timedelta(hours=trial.hours),
                None if principal.clusters is None else sorted(principal.clusters),
                MOST_TRIED + 1,
            )
        looked_at = kept[:MOST_TRIED]
        arrivals = [of_alert(one.alert) for one in looked_at]
        keys = {id(arrival): one.incident_key for arrival, one in zip(arrivals, looked_at, strict=True)}
        verdict = await self._tried(trial.expression, arrivals, clusters)
        fitting = [arrivals[at] for at in verdict.holds]
        groups = gathered(trial.group_by, timedelta(seconds=trial.within_s), fitting, clusters)
        return RuleTried(
            looked_at=len(looked_at),
            matched=sum(len(one.arrivals) for one in groups),
            failures=len(verdict.failures),
            cut=len(kept) > MOST_TRIED,
            group_count=len(groups),
            incidents=len({keys[id(arrival)] for one in groups for arrival in one.arrivals}),
            groups=[_told(one.group, one.arrivals, keys) for one in groups[:_MOST_GROUPS]],
        )

    async def of(self, tx: Transaction, arrivals: Sequence[Arrival]) -> dict[tuple[UUID, str, str], Ruling]:
        now = self._clock.now()
        rules = [
            one
            for one in await self._store.all(tx)
            if one.enabled and (one.left_out_until is None or one.left_out_until <= now)
        ]
        if not rules:
            return {}
        judged = await asyncio.to_thread(judge, rules, arrivals, await self._facts(self._system), self._live)
        for rule_id, verdict in judged.verdicts.items():
            if verdict.slow:
                said = f"Left out for {LEFT_OUT_FOR.total_seconds() / 60:.0f} min: {verdict.slow}"
                await self._store.failed(tx, rule_id, len(arrivals), said, now + LEFT_OUT_FOR)
            elif verdict.missing:
                await self._store.failed(tx, rule_id, len(arrivals), f"Left out: {verdict.missing}", None)
            elif verdict.failures:
                await self._store.failed(tx, rule_id, len(verdict.failures), verdict.failures[-1], None)
        return judged.rulings

    async def of_past(
        self, principal: Principal, draft: RuleDraft | None = None, without: Collection[UUID] = ()
    ) -> Callable[[Sequence[Arrival]], dict[tuple[UUID, str, str], Ruling]]:
        """What the rules would have said, with one that is not kept yet, and without some that are. Nothing is counted.

        Raises `Invalid` with the position of a fault."""
        async with self._transactions.look() as tx:
            rules = [one for one in await self._store.all(tx) if one.enabled and one.id not in without]
        if draft is not None:
            rules = sorted([*rules, await self._checked(principal, draft, None)], key=lambda one: one.place)
        facts = await self._facts(principal)

        def ruled(arrivals: Sequence[Arrival]) -> dict[tuple[UUID, str, str], Ruling]:
            judged = judge(rules, arrivals, facts, self._trying)
            for rule in rules:
                if (missing := judged.verdicts[rule.id].missing) is not None:
                    raise Invalid(f"The rule “{rule.name}” can't be replayed: {missing}.")
            return judged.rulings

        return ruled if rules else lambda _: {}

    async def _check(self, expression: str) -> None:
        """Raises `Invalid` where it is at fault, or may take too long for alerts that are large but usual."""
        for tried, case in probes_of(expression):
            (verdict,) = await asyncio.to_thread(self._trying.judge, [tried], [case], PROBE_S, PROBE_S)
            if verdict.fault is not None:
                line, column = verdict.at
                raise Invalid(verdict.fault, details={"line": line, "column": column})
            reason = verdict.slow or next((one for one in verdict.failures if REFUSED.search(one)), None)
            if reason is not None:
                raise Invalid(
                    f"It may hold up the others: {reason}. Use fewer loops, or a shorter regular expression.",
                    details={"line": 1, "column": 1},
                )

    async def _tried(
        self, expression: str, arrivals: Sequence[Arrival], clusters: Mapping[UUID, ClusterFacts]
    ) -> Verdict:
        cases = [case_of(one, clusters.get(one.cluster_id, ClusterFacts("", "", ""))) for one in arrivals]
        (verdict,) = await asyncio.to_thread(self._trying.judge, [expression], cases, LONGEST_TRIAL_S, LONGEST_TRIAL_S)
        if verdict.missing is not None:
            raise Invalid(f"It was given up: {verdict.missing}. Try fewer hours, or a simpler rule.")
        return verdict

    async def _facts(self, principal: Principal) -> dict[UUID, ClusterFacts]:
        return {
            one.id: ClusterFacts(one.name, one.environment.value, one.region or "")
            for one in await self._clusters.visible(principal)
        }

    async def _checked(self, principal: Principal, draft: RuleDraft, rule_id: UUID | None) -> CorrelationRule:
        name = " ".join(draft.name.split())
        if not 0 < len(name) <= 100 or "\x1f" in name:
            raise Invalid("A rule's name has 1 to 100 characters.")
        if len(draft.group_by) > 10 or not all(draft.group_by) or len(draft.note) > 1000:
            raise Invalid(f"A rule groups by at most 10 names of labels, or `{CLUSTER}`; its note has 1000 characters.")
        if not 0 <= draft.place <= 10_000:
            raise Invalid("A rule's place is 0 to 10000.")
        _check_window(draft.within_s)
        await self._check(draft.expression)
        return CorrelationRule(
            id=rule_id or new_id(),
            name=name,
            expression=draft.expression,
            action=draft.action,
            group_by=list(dict.fromkeys(draft.group_by)),
            within_s=draft.within_s,
            enabled=draft.enabled,
            place=draft.place,
            note=draft.note.strip(),
            changed_by=principal.name,
            changed_at=self._clock.now(),
        )


def _check_window(within_s: int) -> None:
    if not 10 <= within_s <= 3600:
        raise Invalid("What a rule gathers lies 10 s to 1 h apart at most.")


def _told(group: str, arrivals: Sequence[Arrival], keys: dict[int, str]) -> TriedGroup:
    incidents = Counter(keys[id(one)] for one in arrivals)
    return TriedGroup(
        group=group,
        alerts=len(arrivals),
        clusters=sorted({one.cluster_id for one in arrivals}),
        first_at=arrivals[0].started_at,
        last_at=arrivals[-1].started_at,
        incident_keys=[key for key, _ in incidents.most_common(20)],
        examples=[
            TriedAlert(one.cluster_id, one.name, one.labels, one.started_at, keys[id(one)]) for one in arrivals[:_SHOWN]
        ],
    )
