"""Analysis over HTTP: of an incident, of clusters now, of a query; and what people say of causes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, post, put
from litestar.params import FromPath, JSONBody

from aiops.intelligence.domain.analysis import (
    CauseAccuracy,
    CauseVerdict,
    Resolution,
    SaidOfCause,
    SimilarIncident,
    SuggestedAction,
)
from aiops.intelligence.domain.causes import Cause, Evidence
from aiops.intelligence.domain.runbooks import Runbook
from aiops.intelligence.http.anomalies import Names, names_of
from aiops.intelligence.http.incidents import CauseReply
from aiops.intelligence.service.analysis import AnalysisService, Moved
from aiops.intelligence.service.reading import Reading
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.registry.ports import Clusters

_Note = Annotated[str, msgspec.Meta(max_length=2_000)]


class AnalysisReply(msgspec.Struct, frozen=True, kw_only=True):
    """`root_cause` is null where the answer is inconclusive, and `inconclusive` says why; `causes` are what speaks for
    itself all the same. `not_used` names what nobody keeps here."""

    incident_id: UUID
    key: str
    root_cause: CauseReply | None
    inconclusive: str | None
    causes: list[CauseReply]
    not_used: list[str]
    impacted_services: list[str]
    suggested_actions: list[SuggestedAction]
    runbooks: list[Runbook]
    similar_incidents: list[SimilarIncident]
    said: list[SaidOfCause]
    resolution: Resolution | None
    technical_summary: str
    executive_summary: str


class CauseFeedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`place` is the cause's rank, from 1 on."""

    place: Annotated[int, msgspec.Meta(ge=1, le=100)]
    verdict: CauseVerdict
    note: _Note = ""


class SaidList(msgspec.Struct, frozen=True):
    items: list[SaidOfCause]


class ResolutionNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]


class RcaWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of an incident, or of clusters: what moved around `at` (now, where it is left out)."""

    incident_id: UUID | None = None
    cluster_ids: Annotated[list[UUID], msgspec.Meta(max_length=20)] = []
    at: datetime | None = None


class RcaReply(msgspec.Struct, frozen=True, kw_only=True):
    root_cause: CauseReply | None
    inconclusive: str | None
    causes: list[CauseReply]


class AnomalyWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which series of `query` left their own past around `at` (now); `before_s` is how much past they are compared
    with."""

    cluster_id: UUID
    query: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    at: datetime | None = None
    before_s: Annotated[float, msgspec.Meta(ge=300, le=604_800)] = 3600.0
    step_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 30.0


class AnomalyFound(msgspec.Struct, frozen=True, kw_only=True):
    """`series` is how many were looked at."""

    moved: list[Moved]
    series: int


class ExplainWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two."""

    incident_id: UUID | None = None
    anomaly_id: UUID | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    evidence: list[Evidence]


class AnalysisController(Controller):
    path = "/api/v1/analysis"
    tags = ("intelligence",)

    @get("/{incident_id:uuid}", summary="An incident's cause, whom it strikes, what to do and what was done before")
    @inject
    async def analysis(
        self,
        principal: Caller,
        service: FromDishka[AnalysisService],
        clusters: FromDishka[Clusters],
        incident_id: FromPath[UUID],
    ) -> AnalysisReply:
        found = await service.of_incident(principal, incident_id)
        causes = _causes(found.causes, await names_of(principal, clusters))
        return AnalysisReply(
            incident_id=found.view.id,
            key=found.view.key,
            root_cause=causes[0] if causes and found.note is None else None,
            inconclusive=found.note,
            causes=causes,
            not_used=found.missing,
            impacted_services=found.impacted_services,
            suggested_actions=found.suggested_actions,
            runbooks=found.runbooks,
            similar_incidents=found.similar,
            said=found.said,
            resolution=found.resolution,
            technical_summary=found.technical_summary,
            executive_summary=found.executive_summary,
        )

    @put("/{incident_id:uuid}/feedback", summary="Say whether a ranked cause was right")
    @inject
    async def say(
        self,
        principal: Caller,
        service: FromDishka[AnalysisService],
        incident_id: FromPath[UUID],
        data: JSONBody[CauseFeedback],
    ) -> SaidList:
        return SaidList(await service.say(principal, incident_id, data.place, data.verdict, data.note))

    @put("/{incident_id:uuid}/resolution", summary="Say what resolved an incident, for the next one like it")
    @inject
    async def resolve(
        self,
        principal: Caller,
        service: FromDishka[AnalysisService],
        incident_id: FromPath[UUID],
        data: JSONBody[ResolutionNote],
    ) -> Resolution:
        return await service.resolve(principal, incident_id, data.note)

    @get("/accuracy", summary="How often the first cause was right, by what people said")
    @inject
    async def accuracy(self, principal: Caller, service: FromDishka[AnalysisService]) -> CauseAccuracy:
        return await service.accuracy(principal)

    @post("/rca", status_code=200, summary="Rank the causes of an incident, or of what moves on clusters now")
    @inject
    async def rca(
        self,
        principal: Caller,
        service: FromDishka[AnalysisService],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        data: JSONBody[RcaWish],
    ) -> RcaReply:
        if data.incident_id is not None:
            detail = await reading.incident(principal, data.incident_id)
            ranked, note = detail.causes, detail.causes_note
        else:
            ranked, note = await service.causes_now(principal, data.cluster_ids, data.at)
        causes = _causes(ranked, await names_of(principal, clusters))
        return RcaReply(root_cause=causes[0] if causes and note is None else None, inconclusive=note, causes=causes)

    @post("/anomaly", status_code=200, summary="Which series of a query left their own past")
    @inject
    async def anomaly(
        self, principal: Caller, service: FromDishka[AnalysisService], data: JSONBody[AnomalyWish]
    ) -> AnomalyFound:
        at = data.at or datetime.now(UTC)
        moved, count = await service.moved(principal, data.cluster_id, data.query, at, data.before_s, data.step_s)
        return AnomalyFound(moved=moved, series=count)

    @post("/explain", status_code=200, summary="An incident or an anomaly in words, with its evidence")
    @inject
    async def explain(
        self,
        principal: Caller,
        service: FromDishka[AnalysisService],
        reading: FromDishka[Reading],
        data: JSONBody[ExplainWish],
    ) -> Explanation:
        if (data.incident_id is None) == (data.anomaly_id is None):
            raise Invalid("Name an incident or an anomaly.")
        if data.anomaly_id is not None:
            found = await reading.anomaly(principal, data.anomaly_id)
            return Explanation(text=found.explanation, evidence=[])
        assert data.incident_id is not None
        analysis = await service.of_incident(principal, data.incident_id)
        return Explanation(
            text=analysis.technical_summary, evidence=[one for cause in analysis.causes for one in cause.evidence]
        )


def _causes(causes: list[Cause], names: Names) -> list[CauseReply]:
    return [
        CauseReply(
            rank=place,
            cluster=names.get(cause.cluster_id, "") if cause.cluster_id else "",
            **{name: getattr(cause, name) for name in cause.__struct_fields__},
        )
        for place, cause in enumerate(causes, 1)
    ]
