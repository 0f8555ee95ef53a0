"""Search over log patterns, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from aiops.intelligence.domain.log_patterns import FailureClass
from aiops.intelligence.meaning.search import Found, PatternSearch
from aiops.kernel.http import Caller
from aiops.observability.ports import Severity
from aiops.registry.ports import Clusters

Limit = Annotated[int, QueryParameter(ge=1, le=100)]


class PatternHit(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern as the cluster knows it that saw it last; `clusters` counts those of your scope that have it.

    `score` is 1 for the same and 0 for nothing in common; `by` says what found it.
    """

    id: UUID
    cluster_id: UUID
    cluster: str
    clusters: int
    pattern: str
    severity: Severity
    failure_class: FailureClass | None
    first_seen: datetime
    last_seen: datetime
    count: int
    score: float
    by: Literal["meaning", "words"]


class PatternHits(msgspec.Struct, frozen=True, kw_only=True):
    """`method` says what was at work: the local model, an endpoint, or words alone, and then `note` says why.

    `waiting` patterns have not been given to the model yet and were looked at by their words.
    """

    items: list[PatternHit]
    method: Literal["local_model", "endpoint", "words"]
    model: str | None
    waiting: int
    note: str | None


class PatternSearchController(Controller):
    path = "/api/v1/log-patterns"
    tags = ["intelligence"]  # noqa: RUF012

    @get("/search", summary="Log patterns that say what you mean, in whatever words")
    @inject
    async def search_patterns(
        self,
        principal: Caller,
        search: FromDishka[PatternSearch],
        clusters: FromDishka[Clusters],
        q: Annotated[str, QueryParameter(min_length=1, max_length=500)],
        *,
        cluster_id: FromQuery[UUID | None] = None,
        limit: Limit = 20,
    ) -> PatternHits:
        found = await search.search(principal, q, cluster_id, limit)
        return _hits(found, {one.id: one.name for one in await clusters.visible(principal)})

    @get("/{pattern_id:uuid}/alike", summary="Log patterns like this one")
    @inject
    async def patterns_alike(
        self,
        principal: Caller,
        search: FromDishka[PatternSearch],
        clusters: FromDishka[Clusters],
        pattern_id: FromPath[UUID],
        *,
        limit: Limit = 10,
    ) -> PatternHits:
        found = await search.alike(principal, pattern_id, limit)
        return _hits(found, {one.id: one.name for one in await clusters.visible(principal)})


def _hits(found: Found, names: dict[UUID, str]) -> PatternHits:
    items = [
        PatternHit(
            id=hit.pattern.id,
            cluster_id=hit.pattern.cluster_id,
            cluster=names.get(hit.pattern.cluster_id, ""),
            clusters=hit.clusters,
            pattern=hit.pattern.pattern,
            severity=hit.pattern.severity,
            failure_class=hit.pattern.failure_class,
            first_seen=hit.pattern.first_seen,
            last_seen=hit.pattern.last_seen,
            count=hit.pattern.count,
            score=round(hit.score, 3),
            by="meaning" if hit.by_meaning else "words",
        )
        for hit in found.hits
    ]
    method: Literal["local_model", "endpoint", "words"] = "words"
    if found.model is not None:
        method = "local_model" if found.local else "endpoint"
    return PatternHits(items=items, method=method, model=found.model, waiting=found.waiting, note=found.note)
