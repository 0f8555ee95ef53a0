"""What people do about alerts: acknowledge, assign, snooze, escalate, comment; one of them or thousands, each noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.events import AlertResolved, AlertUpdated
from aiops.observability.needs_alerts import Act, ActKind, AlertDesk, AlertFilter, AlertKey, Held
from aiops.observability.ports import AlertState, AlertStatus, Handling
from aiops.observability.service.alert_episodes import CALM_AFTER

MOST_SELECTED = 1_000
MOST_AT_ONCE = 10_000
LONGEST_NAME = 128
LONGEST_COMMENT = 4_000
LONGEST_SNOOZE = timedelta(days=90)
_TICK_S = 2.0
_WOKEN_AT_ONCE = 1_000

log = structlog.get_logger(__name__)


class Wish(msgspec.Struct, frozen=True):
    """What is to become of alerts; what is left out stays. `None` takes an assignee, a snooze, an escalation away."""

    status: AlertStatus | UnsetType = UNSET
    assignee: str | UnsetType | None = UNSET
    snooze_until: datetime | UnsetType | None = UNSET
    escalate_to: str | UnsetType | None = UNSET
    comment: str | UnsetType = UNSET


class Handled(msgspec.Struct, frozen=True):
    """`unchanged` were so before. `left_out` are not there, or out of scope. `more`: the filter finds more than are
    taken at once; the same again takes the next, where the filter no longer finds those that are done."""

    changed: int
    unchanged: int
    left_out: list[AlertKey]
    more: bool = False


Change = tuple[ActKind, str | None, str | None, str | None]


class AlertHandling:
    """All alerts of one call are one transaction; each is changed whole or not at all."""

    def __init__(self, transactions: Transactions, clock: Clock, desk: AlertDesk) -> None:
        self._transactions = transactions
        self._clock = clock
        self._desk = desk

    async def handle(self, principal: Principal, keys: Sequence[AlertKey], wish: Wish) -> Handled:
        """Raises `NotFound` where none of them is there."""
        principal.require(Role.OPERATOR)
        self._check(wish)
        wanted = sorted(set(keys))
        if not wanted or len(wanted) > MOST_SELECTED:
            raise Invalid(f"Name 1 to {MOST_SELECTED} alerts, or a filter.", details={"field": "alerts"})
        async with self._transactions.begin() as tx:
            held = await self._desk.hold(tx, principal.clusters, wanted)
            if not held:
                raise NotFound("None of these alerts is there.")
            changed = await self._apply(tx, principal, held, wish)
            await tx.commit()
        found = {one.key for one in held}
        return Handled(changed, len(held) - changed, [key for key in wanted if key not in found])

    async def handle_all(self, principal: Principal, only: AlertFilter, wish: Wish) -> Handled:
        """Those that the filter finds, newest first, `MOST_AT_ONCE` at most; `only.clusters` is replaced by the scope.
        Raises `NotFound` where it finds none."""
        principal.require(Role.OPERATOR)
        self._check(wish)
        only = msgspec.structs.replace(only, clusters=principal.clusters, now=self._clock.now())
        async with self._transactions.begin() as tx:
            held = await self._desk.hold_filtered(tx, only, MOST_AT_ONCE + 1)
            if not held:
                raise NotFound("This filter finds no alert.")
            more = len(held) > MOST_AT_ONCE
            changed = await self._apply(tx, principal, held[:MOST_AT_ONCE], wish)
            await tx.commit()
        return Handled(changed, min(len(held), MOST_AT_ONCE) - changed, [], more)

    async def wake(self) -> int:
        """Those whose snooze has ended are seen again; those that flapped and are calm are told as they are."""
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            awake = await self._desk.hold_awake(tx, now, _WOKEN_AT_ONCE)
            calm = await self._desk.hold_calm(tx, now - CALM_AFTER, _WOKEN_AT_ONCE)
            if not awake and not calm:
                return 0
            await self._wake(tx, awake, now)
            await self._calm(tx, calm, now)
            await tx.commit()
        return len(awake) + len(calm)

    def _check(self, wish: Wish) -> None:
        if all(getattr(wish, name) is UNSET for name in wish.__struct_fields__):
            raise Invalid("Say what is to become of the alerts: a status, an assignee, a snooze, a comment.")
        for field in ("assignee", "escalate_to", "comment"):
            value = getattr(wish, field)
            most = LONGEST_COMMENT if field == "comment" else LONGEST_NAME
            if isinstance(value, str) and not (0 < len(value.strip()) <= most and "\x00" not in value):
                raise Invalid(f"This needs 1 to {most} characters, and no zero byte.", details={"field": field})
        until = wish.snooze_until
        if isinstance(until, datetime):
            now = self._clock.now()
            if until.tzinfo is None:
                raise Invalid("A time needs its zone.", details={"field": "snooze_until"})
            if not now < until <= now + LONGEST_SNOOZE:
                longest = f"at most {LONGEST_SNOOZE.days} days ahead"
                raise Invalid(f"A snooze ends in the future, {longest}.", details={"field": "snooze_until"})

    async def _apply(self, tx: Transaction, principal: Principal, held: Sequence[Held], wish: Wish) -> int:
        now = self._clock.now()
        changed: list[tuple[AlertKey, Handling]] = []
        acts: list[Act] = []
        for one in held:
            handling, done = applied(one.handling, wish)
            if not done:
                continue
            changed.append((one.key, handling))
            acts += [_act(one.key, now, principal.name, change) for change in done]
            tx.publish(_updated(one, handling, now, by=principal.name, did=" ".join(kind for kind, *_ in done)))
        if changed:
            await self._desk.handle(tx, changed)
            await self._desk.note(tx, acts)
            did = sorted({act.kind.value for act in acts})
            log.info("alerts_handled", by=principal.name, did=did, alerts=len(changed))
        return len(changed)

    async def _wake(self, tx: Transaction, awake: Sequence[Held], now: datetime) -> None:
        if not awake:
            return
        up = [(one, msgspec.structs.replace(one.handling, snoozed_until=None)) for one in awake]
        await self._desk.handle(tx, [(one.key, handling) for one, handling in up])
        await self._desk.note(
            tx, [_act(one.key, now, "the hub", (ActKind.SNOOZE_ENDED, None, None, None)) for one in awake]
        )
        for one, handling in up:
            tx.publish(_updated(one, handling, now, by="the hub", did=ActKind.SNOOZE_ENDED))

    async def _calm(self, tx: Transaction, calm: Sequence[Held], now: datetime) -> None:
        if not calm:
            return
        await self._desk.calm(tx, [one.key for one in calm])
        await self._desk.note(tx, [_by_itself(one, now, ActKind.CALM) for one in calm])
        for one in calm:
            if one.state is AlertState.RESOLVED:
                # While it flapped, nobody was told of its ends.
                tx.publish(_resolved(one, now))
            else:
                tx.publish(_updated(one, one.handling, now, by="the hub", did=ActKind.CALM))


class AlertWakingJob:
    """Of several replicas, the one that holds a row first wakes it."""

    def __init__(self, handling: AlertHandling, clock: Clock) -> None:
        self._handling = handling
        self._clock = clock

    async def run(self) -> None:
        while True:
            await self._handling.wake()
            await self._clock.sleep(_TICK_S)


def applied(handling: Handling, wish: Wish) -> tuple[Handling, list[Change]]:
    """How an alert is handled then, and what that changed; a comment changes nothing else."""
    done: list[Change] = []
    now = handling
    for kind, field, value in (
        (ActKind.STATUS, "status", wish.status),
        (ActKind.ASSIGNED, "assignee", _trimmed(wish.assignee)),
        (ActKind.SNOOZED, "snoozed_until", wish.snooze_until),
        (ActKind.ESCALATED, "escalated_to", _trimmed(wish.escalate_to)),
    ):
        was = getattr(handling, field)
        if value is UNSET or value == was:
            continue
        now = msgspec.structs.replace(now, **{field: value})
        done.append((kind, _word(was), _word(value), None))
    if isinstance(wish.comment, str):
        done.append((ActKind.COMMENT, None, None, wish.comment.strip()))
    return now, done


def _trimmed(value: str | UnsetType | None) -> str | UnsetType | None:
    return value.strip() if isinstance(value, str) else value


def _word(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _act(key: AlertKey, now: datetime, by: str, change: Change) -> Act:
    kind, was, became, text = change
    return Act(new_id(), key.cluster_id, key.fingerprint, now, by, kind, was, became, text)


def _by_itself(one: Held, now: datetime, kind: ActKind) -> Act:
    return _act(one.key, now, "the hub", (kind, None, None, None))


def _updated(one: Held, handling: Handling, now: datetime, *, by: str, did: str) -> AlertUpdated:
    until = handling.snoozed_until
    return AlertUpdated(
        event_id=new_id(),
        occurred_at=now,
        cluster_ids=(one.key.cluster_id,),
        cluster_id=one.key.cluster_id,
        fingerprint=one.key.fingerprint,
        name=one.name,
        severity=one.severity.value,
        starts_at=one.starts_at,
        flapping=one.flapping,
        quiet=until is not None and until > now,
        by=by,
        did=str(did),
        status=handling.status.value,
    )


def _resolved(one: Held, now: datetime) -> AlertResolved:
    return AlertResolved(
        event_id=new_id(),
        occurred_at=now,
        cluster_ids=(one.key.cluster_id,),
        cluster_id=one.key.cluster_id,
        fingerprint=one.key.fingerprint,
        name=one.name,
        severity=one.severity.value,
        starts_at=one.starts_at,
    )
