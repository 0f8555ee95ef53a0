"""Who changed what, on what, when, from where, and how it ended: one row for an act, in the transaction of its change.

An act is a request that may change something. It is opened around the request, learns who asks, and is written by the
first transaction that the request commits: a use case that commits is audited without saying so, and what was rolled
back was not done. What was refused is written behind the answer. Rows are only ever added; nobody reads secrets here,
because of what was sent only names of fields and a few harmless values are kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.events import EventEnvelope
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from aiops.kernel.database import Transaction

_LONGEST = 200
_MOST_CLUSTERS = 50
_CLUSTERS = frozenset({"cluster_ids", "clusters"})
_MOST_FIELDS = 40
_HARMLESS = frozenset({
    "name", "username", "title", "role", "kind", "status", "state", "verdict", "severity", "assignee", "owner",
    "team", "team_id", "into", "incident_id", "cluster_id", "environment", "region", "service", "workload",
    "enabled", "starts_local", "duration_s", "timezone", "rrule", "push", "change",
})  # fmt: skip
"""Fields of a request whose values may be kept; of all others only that they were given."""

AUDITED = "audited"
"""Key in a route's `opt`: True for one that is an act though it is public, or though it commits nothing here."""

Details = dict[str, str]


class Outcome(StrEnum):
    DONE = "DONE"
    REFUSED = "REFUSED"


class Act:
    """What is under way in one request. `details` is asked for when the act is written."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.who: Principal | None = None
        self.who_name = ""
        self.action = ""
        self.subject: Mapping[str, str] = {}
        self.details: Callable[[], Awaitable[Details]] | None = None
        self.counts = False
        self.always = False
        self.written = False

    def begins(self, action: str, subject: Mapping[str, str], details: Callable[[], Awaitable[Details]] | None) -> None:
        """From now on it counts: a commit, or a refusal, is written."""
        self.action, self.subject, self.details, self.counts = action, subject, details, True

    def by(self, who: Principal) -> None:
        self.who, self.who_name = who, who.name


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`action` is what was asked for, `subject` what of the address named it, `details` what was sent, without secrets.
    `events` are the facts that it led to. `who_id` is empty where nobody had signed in."""

    id: UUID
    at: datetime
    who: str
    who_id: str
    who_kind: str
    action: str
    subject: dict[str, str]
    details: dict[str, str]
    events: list[str]
    cluster_ids: list[UUID]
    source: str
    outcome: Outcome


class AuditFilter(msgspec.Struct, frozen=True):
    """`text` is looked for in action, subject and details."""

    who: str | None = None
    text: str | None = None
    outcome: Outcome | None = None
    cluster_id: UUID | None = None
    start: datetime | None = None
    end: datetime | None = None


_current: ContextVar[Act | None] = ContextVar("aiops_act", default=None)


@contextmanager
def acting(act: Act) -> Iterator[Act]:
    token = _current.set(act)
    try:
        yield act
    finally:
        _current.reset(token)


def current_act() -> Act | None:
    return _current.get()


def acts_for(who: Principal) -> None:
    """The act under way is this principal's, which nobody knew when it began: a sign-in."""
    act = _current.get()
    if act is not None:
        act.by(who)


def told(sent: Any) -> Details:
    """Of what was sent, as it may be kept: names of fields, lengths of lists, and values of harmless fields."""
    if not isinstance(sent, dict):
        return {"entries": str(len(sent))} if isinstance(sent, list) else {}
    return {str(name)[:_LONGEST]: _shown(str(name), value) for name, value in list(sent.items())[:_MOST_FIELDS]}


def _shown(name: str, value: Any) -> str:
    if name in _HARMLESS and isinstance(value, str | int | float | bool):
        return str(value).replace("\x00", "")[:_LONGEST]
    if name in _CLUSTERS and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value[:_MOST_CLUSTERS])[: 40 * _MOST_CLUSTERS]
    if isinstance(value, list):
        return f"{len(value)} given"
    return "none" if value is None else "given"


_FIELDS = tuple(AuditEntry.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_INSERT = """
INSERT INTO kernel.audit (id, who, who_id, who_kind, action, subject, details, events, cluster_ids, source, outcome)
VALUES (:id, :who, :who_id, :who_kind, :action, CAST(:subject AS jsonb), CAST(:details AS jsonb), :events,
    :cluster_ids, :source, :outcome)
"""
_SCOPE = """
(CAST(:clusters AS uuid[]) IS NULL
    OR (cluster_ids <> '{}' AND cluster_ids <@ CAST(:clusters AS uuid[])))
"""


class AuditTrail:
    """The table. Only the newest rows may not be deleted, and none may be changed: the database holds that."""

    async def done(self, connection: AsyncConnection, events: Sequence[EventEnvelope]) -> None:
        """Write the act under way, if there is one that counts and was not written yet."""
        act = _current.get()
        if act is None or not act.counts or act.written:
            return
        act.written = True
        await self._write(connection, act, events, Outcome.DONE)

    async def late(self, connection: AsyncConnection, act: Act, outcome: Outcome) -> None:
        """Write an act that committed nothing."""
        act.written = True
        await self._write(connection, act, (), outcome)

    async def _write(
        self, connection: AsyncConnection, act: Act, events: Sequence[EventEnvelope], outcome: Outcome
    ) -> None:
        details = await act.details() if act.details is not None else {}
        who = act.who
        await connection.execute(
            text(_INSERT),
            {
                "id": new_id(),
                "who": act.who_name,
                "who_id": "" if who is None else who.id,
                "who_kind": "" if who is None else who.kind.value,
                "action": act.action,
                "subject": msgspec.json.encode(act.subject).decode(),
                "details": msgspec.json.encode(details).decode(),
                "events": list(dict.fromkeys(one.event_type for one in events)),
                "cluster_ids": sorted(_clusters(act, details, events)),
                "source": act.source,
                "outcome": outcome.value,
            },
        )

    async def page(
        self,
        tx: Transaction,
        wanted: AuditFilter,
        clusters: Sequence[UUID] | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> list[AuditEntry]:
        """Latest first, from behind `after` on. For a limited reader what concerns clusters in scope alone."""
        from aiops.kernel.database import connection_of

        parts = [_SCOPE]
        values: dict[str, Any] = {"clusters": None if clusters is None else list(clusters), "limit": limit}
        for name, part, value in (
            ("who", "who = :who", wanted.who),
            ("outcome", "outcome = :outcome", wanted.outcome and wanted.outcome.value),
            ("cluster_id", ":cluster_id = ANY(cluster_ids)", wanted.cluster_id),
            ("start", "at >= :start", wanted.start),
            ("end", "at <= :end", wanted.end),
            ("text", "concat_ws(' ', action, subject::text, details::text) ILIKE :text", _like(wanted.text)),
        ):
            if value is not None:
                parts.append(part)
                values[name] = value
        if after is not None:
            parts.append("(at, id) < (:after_at, :after_id)")
            values |= {"after_at": after[0], "after_id": after[1]}
        where = " AND ".join(parts)
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM kernel.audit WHERE {where} ORDER BY at DESC, id DESC LIMIT :limit"),
            values,
        )
        return [msgspec.convert(dict(row._mapping), AuditEntry, strict=False) for row in rows]


async def forget_audit(tx: Transaction, before: datetime) -> int:
    from aiops.kernel.database import connection_of

    done = await connection_of(tx).execute(text("DELETE FROM kernel.audit WHERE at < :before"), {"before": before})
    return int(done.rowcount)


def _like(word: str | None) -> str | None:
    if not word:
        return None
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _clusters(act: Act, details: Details, events: Sequence[EventEnvelope]) -> set[UUID]:
    found = {cluster_id for one in events for cluster_id in one.cluster_ids}
    named = [act.subject.get("cluster_id", ""), details.get("cluster_id", ""), details.get("cluster_ids", "")]
    for word in ",".join(named).split(","):
        try:
            found |= {UUID(word)} if word else set()
        except ValueError:
            continue
    return found
