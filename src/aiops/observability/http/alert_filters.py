"""What a list of alerts can be limited to, the same in queries and in bodies; and cursors."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar.params import FromQuery, QueryParameter

from aiops.kernel.errors import Invalid
from aiops.observability.needs_alerts import AlertFilter
from aiops.observability.ports import AlertState, AlertStatus, Severity

LONGEST_TEXT = 200
_MOST_LABELS = 8

PageSize = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(max_length=512)]
_Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
_Label = Annotated[list[str] | None, QueryParameter(description="`name=value`; an alert must have all that are given")]
_Assignee = Annotated[str | None, QueryParameter(max_length=128, description="A name; an empty one means nobody")]
_Name = Annotated[str | None, QueryParameter(max_length=256, description="The alert's own name, whole")]


class FilterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As the query of `GET /api/v1/alerts`."""

    cluster_id: Annotated[list[UUID], msgspec.Meta(max_length=1_000)] = []
    state: list[AlertState] = []
    severity: list[Severity] = []
    status: list[AlertStatus] = []
    q: _Text | None = None
    name: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    assignee: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    snoozed: bool | None = None
    flapping: bool | None = None
    maintained: bool | None = None
    label: Annotated[list[str], msgspec.Meta(max_length=_MOST_LABELS)] = []


async def asked_filter(
    *,
    alert_state: Annotated[list[AlertState] | None, QueryParameter(name="state")] = None,
    severity: FromQuery[list[Severity] | None] = None,
    status: FromQuery[list[AlertStatus] | None] = None,
    cluster_id: FromQuery[list[UUID] | None] = None,
    q: Annotated[str | None, QueryParameter(max_length=LONGEST_TEXT)] = None,
    name: _Name = None,
    assignee: _Assignee = None,
    snoozed: FromQuery[bool | None] = None,
    flapping: FromQuery[bool | None] = None,
    maintained: FromQuery[bool | None] = None,
    label: _Label = None,
) -> AlertFilter:
    """A dependency: the filter of a query."""
    body = FilterBody(
        cluster_id or [], alert_state or [], severity or [], status or [], q, name, assignee, snoozed, flapping
    )
    return filter_of(msgspec.structs.replace(body, maintained=maintained, label=label or []))


def filter_of(body: FilterBody) -> AlertFilter:
    """Raises `Invalid` for a label that is none."""
    return AlertFilter(
        None,
        tuple(body.cluster_id),
        tuple(dict.fromkeys(body.state)),
        tuple(dict.fromkeys(body.severity)),
        tuple(dict.fromkeys(body.status)),
        clean(body.q),
        clean(body.name),
        (body.assignee and clean(body.assignee.strip())) or body.assignee,
        body.snoozed,
        body.flapping,
        body.maintained,
        _labels(body.label),
    )


def clean(value: str | None) -> str | None:
    """`None` for an empty text; raises `Invalid` for what PostgreSQL can't hold."""
    if value and "\x00" in value:
        raise Invalid("A text can't hold a zero byte.")
    return value or None


def _labels(wanted: list[str]) -> tuple[tuple[str, str], ...]:
    if len(wanted) > _MOST_LABELS:
        raise Invalid(f"At most {_MOST_LABELS} labels.", details={"field": "label"})
    pairs = []
    for text in wanted:
        name, equals, value = text.partition("=")
        if not name or not equals or len(text) > 1_024:
            raise Invalid(f"A label is asked for as name=value, not as {text[:64]!r}.", details={"field": "label"})
        pairs.append((clean(name) or "", clean(value) or ""))
    return tuple(pairs)


def encode_cursor(place: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def decode_cursor(cursor: str | None, kind: Any) -> Any:
    if not cursor:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=kind)
    except (binascii.Error, ValueError):
        raise Invalid("The cursor is not one that the hub gave.") from None
