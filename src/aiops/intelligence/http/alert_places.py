"""From alerts to the incidents that hold them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get
from litestar.params import FromQuery, QueryParameter

from aiops.intelligence.service.alert_places import AlertPlace, AlertPlaces, AlertsPlaced, IncidentGroup
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.observability.ports import Severity

_MOST_AT_ONCE = 100
_LONGEST = 128


class AlertPlaceList(msgspec.Struct):
    items: list[AlertPlace]


class IncidentGroupList(msgspec.Struct):
    """`more`: there are more incidents whose alerts fire than these."""

    items: list[IncidentGroup]
    more: bool


class AlertPlacesController(Controller):
    path = "/api/v1/alert-incidents"
    tags = ("intelligence",)

    @get(summary="In which incidents an alert's latest episodes are")
    @inject
    async def alert_incidents(
        self,
        principal: Caller,
        places: FromDishka[AlertPlaces],
        cluster_id: FromQuery[UUID],
        fingerprint: Annotated[str, QueryParameter(max_length=_LONGEST)],
    ) -> AlertPlaceList:
        return AlertPlaceList(await places.of_alert(principal, cluster_id, _clean(fingerprint)))

    @get("/latest", summary="The incidents of many alerts at once, with their likely causes")
    @inject
    async def latest_incidents(
        self,
        principal: Caller,
        places: FromDishka[AlertPlaces],
        alert: Annotated[
            list[str],
            QueryParameter(max_items=_MOST_AT_ONCE, description="`cluster_id/fingerprint`; repeated, for many alerts"),
        ],
    ) -> AlertsPlaced:
        return await places.of_alerts(principal, [_key(one) for one in alert])

    @get("/groups", summary="The incidents whose alerts fire now, with how many do")
    @inject
    async def incident_groups(
        self,
        principal: Caller,
        places: FromDishka[AlertPlaces],
        cluster_id: FromQuery[list[UUID] | None] = None,
        severity: FromQuery[list[Severity] | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 100,
    ) -> IncidentGroupList:
        found = await places.groups(principal, cluster_id or [], severity or [], limit + 1)
        return IncidentGroupList(found[:limit], len(found) > limit)


def _key(written: str) -> tuple[UUID, str]:
    cluster_id, slash, fingerprint = written.partition("/")
    try:
        key = UUID(cluster_id), _clean(fingerprint)
    except ValueError:
        slash = ""
    if not slash or not fingerprint or len(fingerprint) > _LONGEST:
        raise Invalid(f"{written[:64]!r} is no cluster_id/fingerprint.", details={"field": "alert"})
    return key


def _clean(fingerprint: str) -> str:
    if "\x00" in fingerprint:
        raise Invalid("A text can't hold a zero byte.")
    return fingerprint
