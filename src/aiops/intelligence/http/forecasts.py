"""Forecasts over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from aiops.intelligence.domain.predictions import Outlook, PredictionFilter, Score
from aiops.intelligence.service.forecasts import Forecasts, ForecastsOfQuery, ForecastWish
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.observability.ports import Labels
from aiops.registry.ports import Clusters

PageSize = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(max_length=64)]
Word = Annotated[str | None, QueryParameter(max_length=200)]


class ForecastReply(msgspec.Struct, frozen=True, kw_only=True):
    """`happens` says what it means to cross the threshold: `is used up`. `crosses_at` with `earliest` and `latest`, its
    90 % interval; `latest` is `null` where it may take longer than can be told. `loss` and `naive_loss`: mean absolute
    errors of `model` and of naive over `moments` past moments."""

    id: UUID
    cluster_id: UUID
    cluster: str
    target: str
    title: str
    unit: str
    subject: str
    labels: Labels
    query: str
    threshold: float
    happens: str
    outlook: Outlook
    sentence: str
    value: float
    made_at: datetime
    crosses_at: datetime | None
    earliest: datetime | None
    latest: datetime | None
    warned_at: datetime | None
    model: str | None
    loss: float | None
    naive_loss: float | None
    moments: int
    window_s: float
    step_s: float


class ForecastDetail(ForecastReply, frozen=True, kw_only=True):
    """`history`: pairs of Unix seconds and value. `path`: Unix seconds, point, lower and upper end (90 %)."""

    history: list[tuple[float, float]]
    path: list[tuple[float, float, float, float]]


class ForecastPage(msgspec.Struct, frozen=True):
    items: list[ForecastReply]
    next_cursor: str | None
    total: int


class SurveyReply(msgspec.Struct, frozen=True, kw_only=True):
    """What of a target was looked at on a cluster: of `series`, those neither `crossing` nor `refused` keep away from
    the threshold; `left_out` are past the bound of a cluster."""

    cluster_id: UUID
    cluster: str
    target: str
    title: str
    looked_at: datetime
    series: int
    crossing: int
    refused: int
    left_out: int
    error: str | None


class ForecastScores(msgspec.Struct, frozen=True):
    """How the hub's own past forecasts did, and what was looked at in the last round."""

    scores: list[Score]
    surveys: list[SurveyReply]


class ForecastsController(Controller):
    path = "/api/v1/forecasts"
    tags = ("intelligence",)

    @get(summary="What is foreseen to pass its threshold, the most urgent first")
    @inject
    async def list_forecasts(
        self,
        principal: Caller,
        forecasts: FromDishka[Forecasts],
        clusters: FromDishka[Clusters],
        *,
        cluster_id: FromQuery[UUID | None] = None,
        target: Word = None,
        outlook: FromQuery[Outlook | None] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> ForecastPage:
        wanted = PredictionFilter(cluster_id, target, outlook)
        items, total = await forecasts.page(principal, wanted, page_size, _after(cursor))
        names = {cluster.id: cluster.name for cluster in await clusters.visible(principal)}
        replies = [ForecastReply(**_told(item, ForecastReply, names)) for item in items]
        return ForecastPage(replies, str(items[-1].id) if len(items) == page_size else None, total)

    @get("/score", summary="How the hub's own past forecasts did, and what was looked at")
    @inject
    async def score(
        self, principal: Caller, forecasts: FromDishka[Forecasts], clusters: FromDishka[Clusters]
    ) -> ForecastScores:
        names = {cluster.id: cluster.name for cluster in await clusters.visible(principal)}
        surveys = [SurveyReply(**_told(one, SurveyReply, names)) for one in await forecasts.surveys(principal)]
        return ForecastScores(await forecasts.scores(principal), surveys)

    @get("/{forecast_id:uuid}", summary="One of them, with the past that it rests on and its path")
    @inject
    async def get_forecast(
        self,
        principal: Caller,
        forecasts: FromDishka[Forecasts],
        clusters: FromDishka[Clusters],
        forecast_id: FromPath[UUID],
    ) -> ForecastDetail:
        found = await forecasts.get(principal, forecast_id)
        names = {cluster.id: cluster.name for cluster in await clusters.visible(principal)}
        return ForecastDetail(**_told(found, ForecastDetail, names))

    @post("/query", summary="Forecast the series of a query, up to 20 of them", status_code=200)
    @inject
    async def forecast_query(
        self, principal: Caller, forecasts: FromDishka[Forecasts], data: JSONBody[ForecastWish]
    ) -> ForecastsOfQuery:
        return await forecasts.of_query(principal, data)


def _told(item: msgspec.Struct, reply: type[msgspec.Struct], names: dict[UUID, str]) -> dict[str, Any]:
    wanted = set(reply.__struct_fields__)
    values = {name: getattr(item, name) for name in item.__struct_fields__ if name in wanted}
    return {**values, "cluster": names.get(values["cluster_id"], "")}


def _after(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise Invalid("The cursor is not one of ours; leave it out to start from the first page.") from None
