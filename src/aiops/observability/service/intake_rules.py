"""The rules that shape alerts as they come in, pushed and read ones alike: kept by people, tried before they count."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.domain import alert_fingerprint, severity_of
from aiops.observability.needs_alerts import (
    Deduplication,
    Extraction,
    IntakeRule,
    IntakeRuleStore,
    LabelMatcher,
    Mapping,
)
from aiops.observability.ports import Labels, Severity
from aiops.observability.service.alert_shaping import Shaped, Shaping, Step, compiled_rule

MOST_RULES = 200
LONGEST_CSV = 1_000_000
_FRESH_S = 5.0

log = structlog.get_logger(__name__)

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class RuleWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """As `IntakeRule`; exactly one of the three parts."""

    name: _Text
    position: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 100
    enabled: bool = True
    cluster_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1_000)] | None = None
    source: _Text | None = None
    matchers: Annotated[list[LabelMatcher], msgspec.Meta(max_length=32)] = []
    extraction: Extraction | None = None
    mapping: Mapping | None = None
    deduplication: Deduplication | None = None


class RuleChange(RuleWish, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`revision` is the one that was changed: a change by somebody else meanwhile is not written over."""

    revision: int


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An alert as it would come; with `rule`, as if that stood among the others (instead of `replaces`)."""

    cluster_id: UUID
    labels: Labels
    annotations: Labels = {}
    source: str = "alertmanager"
    rule: RuleWish | None = None
    replaces: UUID | None = None


class Tried(msgspec.Struct, frozen=True):
    """What the alert would become, and which rule did what. `merged`: it would be one with others that agree."""

    name: str
    severity: Severity
    labels: Labels
    fingerprint: str
    merged: bool
    steps: list[Step]


class IntakeRules:
    """Operators keep rules for clusters that they see; a rule for everyone takes somebody who sees everyone."""

    def __init__(self, transactions: Transactions, clock: Clock, store: IntakeRuleStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._shaping = Shaping([])
        self._read_at: float | None = None

    async def shaping(self) -> Shaping:
        """The rules as they are; a change on another replica counts within 5 s."""
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= _FRESH_S:
            async with self._transactions.look() as tx:
                rules = await self._store.all(tx)
            self._shaping = Shaping([rule for rule in rules if _usable(rule)])
            self._read_at = now
        return self._shaping

    async def all(self, principal: Principal) -> list[IntakeRule]:
        principal.require(Role.VIEWER)
        async with self._transactions.look() as tx:
            return [_shown(rule, principal) for rule in await self._store.all(tx) if rule.seen_by(principal)]

    async def add(self, principal: Principal, wish: RuleWish) -> IntakeRule:
        principal.require(Role.OPERATOR)
        rule = self._made(principal, wish, new_id(), 1)
        async with self._transactions.begin() as tx:
            if len(await self._store.all(tx)) >= MOST_RULES:
                raise Conflict(f"There are {MOST_RULES} rules: delete one first.")
            await self._store.keep(tx, rule)
            await tx.commit()
        self._noted("added", rule, principal)
        return rule

    async def change(self, principal: Principal, rule_id: UUID, wish: RuleChange) -> IntakeRule:
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            kept = _may_change(principal, await self._store.get(tx, rule_id))
            if wish.revision != kept.revision:
                raise Conflict("The rule was changed meanwhile: open it anew.", details={"revision": kept.revision})
            rule = self._made(principal, wish, rule_id, kept.revision + 1)
            await self._store.keep(tx, rule)
            await tx.commit()
        self._noted("changed", rule, principal)
        return rule

    async def delete(self, principal: Principal, rule_id: UUID) -> None:
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            kept = _may_change(principal, await self._store.get(tx, rule_id))
            await self._store.delete(tx, rule_id)
            await tx.commit()
        self._noted("deleted", kept, principal)

    async def tried(self, principal: Principal, trial: Trial) -> Tried:
        """What an alert would become; nothing is kept."""
        principal.require(Role.VIEWER)
        if not principal.sees(trial.cluster_id):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        if len(trial.labels) > 256 or len(trial.annotations) > 256:
            raise Invalid("At most 256 labels and annotations.")
        async with self._transactions.look() as tx:
            rules = [rule for rule in await self._store.all(tx) if _usable(rule) and rule.seen_by(principal)]
        if trial.rule is not None:
            drafted = self._made(principal, trial.rule, trial.replaces or new_id(), 0)
            rules = sorted([*(one for one in rules if one.id != drafted.id), drafted], key=_order)
        shaped = Shaping(rules).apply(trial.cluster_id, (trial.source,), trial.labels, trial.annotations)
        return _tried(trial, shaped)

    def _made(self, principal: Principal, wish: RuleWish, rule_id: UUID, revision: int) -> IntakeRule:
        if wish.cluster_ids is None:
            principal.require_whole_fleet()
        elif not all(principal.sees(one) for one in wish.cluster_ids):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        if wish.mapping is not None and len(wish.mapping.csv) > LONGEST_CSV:
            raise Invalid(f"A table may have at most {LONGEST_CSV:,} characters.", details={"field": "csv"})
        if "\x00" in msgspec.json.encode(wish).decode() or "\\u0000" in msgspec.json.encode(wish).decode():
            raise Invalid("A rule can't hold a zero byte.")
        parts = {name: getattr(wish, name) for name in RuleWish.__struct_fields__}
        rule = IntakeRule(
            **parts, id=rule_id, revision=revision, changed_by=principal.name, changed_at=self._clock.now()
        )
        compiled_rule(rule)
        return rule

    def _noted(self, what: str, rule: IntakeRule, principal: Principal) -> None:
        self._read_at = None
        log.info("intake_rule", change=what, rule=rule.name, id=str(rule.id), by=principal.name)


def _usable(rule: IntakeRule) -> bool:
    """One that an older version took and this one can't apply must not stop the alerts."""
    try:
        compiled_rule(rule)
    except AiopsError as error:
        log.warning("intake_rule_unusable", rule=rule.name, error=error.message)
        return False
    return True


def _shown(rule: IntakeRule, principal: Principal) -> IntakeRule:
    if rule.cluster_ids is None or principal.clusters is None:
        return rule
    return msgspec.structs.replace(rule, cluster_ids=[one for one in rule.cluster_ids if principal.sees(one)])


def _may_change(principal: Principal, kept: IntakeRule | None) -> IntakeRule:
    if kept is None or not kept.seen_by(principal):
        raise NotFound("There is no such rule.")
    if kept.cluster_ids is not None and not all(principal.sees(one) for one in kept.cluster_ids):
        raise PermissionDenied("This rule also concerns clusters that you don't see.")
    return kept


def _order(rule: IntakeRule) -> tuple[int, str, UUID]:
    return rule.position, rule.name, rule.id


def _tried(trial: Trial, shaped: Shaped) -> Tried:
    return Tried(
        shaped.labels.get("alertname", "unnamed"),
        severity_of(shaped.labels.get("severity")),
        shaped.labels,
        shaped.fingerprint or alert_fingerprint(trial.labels),
        shaped.fingerprint is not None,
        shaped.steps,
    )
