"""The audit trail over HTTP."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import get
from litestar.params import FromQuery, QueryParameter

from aiops.kernel.audit import AuditEntry, AuditFilter, AuditTrail, Outcome
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.kernel.principal import Role

Word = Annotated[str | None, QueryParameter(max_length=200)]


class AuditPage(msgspec.Struct, frozen=True):
    items: list[AuditEntry]
    next_cursor: str | None


@get("/api/v1/audit", tags=["gateway"], summary="Who changed what, latest first")
@inject
async def audit(
    principal: Caller,
    database: FromDishka[Database],
    trail: FromDishka[AuditTrail],
    *,
    who: Word = None,
    text: Annotated[str | None, QueryParameter(name="q", max_length=200)] = None,
    outcome: FromQuery[Outcome | None] = None,
    cluster_id: FromQuery[UUID | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    page_size: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, QueryParameter(max_length=512)] = None,
) -> AuditPage:
    """For admins; one who is limited to some clusters sees what concerned these alone."""
    principal.require(Role.ADMIN)
    if "\x00" in (who or "") + (text or ""):
        raise Invalid("A text can't hold a zero byte.")
    wanted = AuditFilter(who or None, text or None, outcome, cluster_id, _utc(start), _utc(end))
    scope = None if principal.clusters is None else sorted(principal.clusters)
    async with database.begin() as tx:
        found = await trail.page(tx, wanted, scope, page_size + 1, _decode(cursor))
    last = found[page_size - 1] if len(found) > page_size else None
    return AuditPage(found[:page_size], _encode(last) if last else None)


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{at.isoformat()} lies outside of the calendar once it is told in UTC.") from None


def _encode(last: AuditEntry) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((last.at, last.id))).decode()


def _decode(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=tuple[datetime, UUID])
    except (binascii.Error, ValueError):
        raise Invalid("The cursor is not one that the hub gave.") from None
