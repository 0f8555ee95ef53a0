"""Silences of the clusters' Alertmanagers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.status_codes import HTTP_201_CREATED

from aiops.kernel.audit import AUDITED
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.http.metrics import ClusterIds, in_part, reply
from aiops.observability.service.silences import Silences, SilencesCreated, SilencesFound
from aiops.observability.service.silences_remote import SilenceMatcher

_LONGEST_COMMENT = 2_000


class NewSilence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From now on where `starts_at` is left out."""

    matchers: Annotated[list[SilenceMatcher], msgspec.Meta(min_length=1, max_length=64)]
    ends_at: datetime
    comment: Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_COMMENT)]
    cluster_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1_000)]
    starts_at: datetime | None = None


class SilenceController(Controller):
    path = "/api/v1/silences"
    tags: Sequence[str] = ["observability"]

    @get(
        summary="Silences of the clusters' Alertmanagers, the latest to end first",
        responses=in_part(SilencesFound),
        middleware=[EndsWithItsClient()],
    )
    @inject
    async def silences(
        self,
        principal: Caller,
        service: FromDishka[Silences],
        cluster_id: ClusterIds = None,
        expired: FromQuery[bool] = False,
    ) -> Response[SilencesFound]:
        found = await service.listed(principal, cluster_ids=cluster_id, expired=expired)
        return reply(found, found.clusters)

    @post(
        summary="Silence alerts in each of these clusters; asked again, only what is missing is created",
        status_code=HTTP_201_CREATED,
        responses=in_part(SilencesCreated),
        opt={AUDITED: True},
    )
    @inject
    async def create(
        self, principal: Caller, service: FromDishka[Silences], data: JSONBody[NewSilence]
    ) -> Response[SilencesCreated]:
        made = await service.create(
            principal,
            matchers=data.matchers,
            starts_at=None if data.starts_at is None else _utc(data.starts_at),
            ends_at=_utc(data.ends_at),
            comment=data.comment,
            cluster_ids=data.cluster_ids,
        )
        whole = len(made.items) == len(made.clusters)
        return Response(made, status_code=HTTP_201_CREATED if whole else 206)

    @delete("/{cluster_id:uuid}/{silence_id:str}", summary="End a silence now", opt={AUDITED: True})
    @inject
    async def expire(
        self, principal: Caller, service: FromDishka[Silences], cluster_id: FromPath[UUID], silence_id: FromPath[str]
    ) -> None:
        await service.expire(principal, cluster_id, silence_id)


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{at.isoformat()} lies outside of the calendar once it is told in UTC.") from None
