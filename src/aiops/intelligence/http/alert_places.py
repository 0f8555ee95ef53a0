"""From an alert to the incidents that hold it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import get
from litestar.params import FromQuery, QueryParameter

from aiops.intelligence.service.alert_places import AlertPlace, AlertPlaces
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller


class AlertPlaceList(msgspec.Struct):
    items: list[AlertPlace]


@get("/api/v1/alert-incidents", summary="In which incidents an alert's latest episodes are", tags=["intelligence"])
@inject
async def alert_incidents(
    principal: Caller,
    places: FromDishka[AlertPlaces],
    cluster_id: FromQuery[UUID],
    fingerprint: Annotated[str, QueryParameter(max_length=128)],
) -> AlertPlaceList:
    if "\x00" in fingerprint:
        raise Invalid("A text can't hold a zero byte.")
    return AlertPlaceList(await places.of_alert(principal, cluster_id, fingerprint))
