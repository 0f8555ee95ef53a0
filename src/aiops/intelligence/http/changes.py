"""Changes over HTTP: lists, what people and services tell, sources and their webhooks."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, delete, get, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from aiops.intelligence.domain.changes import (
    Change,
    ChangeFilter,
    ChangeKind,
    ChangeSource,
    ChangeSourceKind,
    Outcome,
    ToldChange,
)
from aiops.intelligence.needs_changes import ClusterLook
from aiops.intelligence.service.change_sources import ChangeSources
from aiops.intelligence.service.changes import Changes
from aiops.intelligence.service.kubernetes_changes import ClusterChanges
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.observability.ports import Labels
from aiops.registry.ports import Clusters

_MOST_BYTES = 5 * 1024 * 1024
PageSize = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(max_length=512)]
Word = Annotated[str | None, QueryParameter(max_length=200)]


class ChangeReply(msgspec.Struct, frozen=True, kw_only=True):
    """`cluster_id` is `null` where nobody said which. Empty texts are what its sender did not tell; `told_at` is when
    it last spoke of it."""

    id: UUID
    at: datetime
    told_at: datetime
    received_at: datetime
    kind: ChangeKind
    title: str
    source: str
    source_id: UUID | None
    cluster_id: UUID | None
    cluster: str | None
    namespace: str
    service: str
    workload: str
    version_from: str
    version_to: str
    author: str
    url: str
    outcome: Outcome | None
    labels: Labels


class ChangeDetail(ChangeReply, frozen=True, kw_only=True):
    """`original` is what its sender said, as text; `null` where it was over 256 KiB, or nobody sent anything."""

    original: str | None


class ChangePage(msgspec.Struct, frozen=True):
    items: list[ChangeReply]
    next_cursor: str | None
    total: int


class NewChange(ToldChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On no cluster where `cluster_id` is left out; only who sees the whole fleet may do so."""

    cluster_id: UUID | None = None


class ChangeSourceWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`places` map environments (GitHub, GitLab) or destinations (Argo CD) to clusters; `cluster_id` is for all
    others."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    kind: ChangeSourceKind
    cluster_id: UUID | None = None
    places: Annotated[dict[str, UUID], msgspec.Meta(max_length=1_000)] = {}


class ChangeSourceList(msgspec.Struct, frozen=True):
    items: list[ChangeSource]


class WatchedCluster(msgspec.Struct, frozen=True, kw_only=True):
    """`asked`: the hub knows its Kubernetes API, and asks it for changes. `looked_at` is `null` before the first look;
    `notes` tell what could not be read or was left out, `error` why the last look found nothing out."""

    cluster_id: UUID
    cluster: str
    asked: bool
    looked_at: datetime | None
    objects: int
    notes: list[str]
    error: str | None


class CreatedChangeSource(msgspec.Struct, frozen=True, kw_only=True):
    """`token` is shown this once. `path` is where its webhooks go."""

    id: UUID
    name: str
    kind: ChangeSourceKind
    cluster_id: UUID | None
    places: dict[str, UUID]
    created_at: datetime
    token: str
    path: str


class Taken(msgspec.Struct, frozen=True):
    """How many changes this told of: 0 for an event that tells of none."""

    changes: int


class ChangesController(Controller):
    path = "/api/v1/changes"
    tags = ("intelligence",)

    @get(summary="What was deployed, configured or scaled, newest first")
    @inject
    async def list_changes(
        self,
        principal: Caller,
        changes: FromDishka[Changes],
        clusters: FromDishka[Clusters],
        *,
        cluster_id: FromQuery[list[UUID] | None] = None,
        unplaced: FromQuery[bool] = False,
        kind: FromQuery[ChangeKind | None] = None,
        service: Word = None,
        text: Annotated[str | None, QueryParameter(name="q", max_length=200)] = None,
        start: FromQuery[datetime | None] = None,
        end: FromQuery[datetime | None] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> ChangePage:
        wanted = ChangeFilter(
            tuple(cluster_id or ()), unplaced, kind, _word(service), _word(text), _utc(start), _utc(end)
        )
        items, total = await changes.page(principal, wanted, page_size + 1, _decode(cursor))
        names = {one.id: one.name for one in await clusters.visible(principal)}
        last = items[page_size - 1] if len(items) > page_size else None
        replies = [ChangeReply(**_told(one, names)) for one in items[:page_size]]
        return ChangePage(replies, _encode(last) if last else None, total)

    @post(summary="Tell of a change; told again under its key, it is the same one", status_code=HTTP_201_CREATED)
    @inject
    async def tell(
        self,
        principal: Caller,
        changes: FromDishka[Changes],
        clusters: FromDishka[Clusters],
        data: JSONBody[NewChange],
    ) -> ChangeReply:
        kept = await changes.tell(principal, data.cluster_id, data)
        names = {one.id: one.name for one in await clusters.visible(principal)}
        return ChangeReply(**_told(kept, names))

    @get("/{change_id:uuid}", summary="One change, with what its sender said")
    @inject
    async def get_change(
        self, principal: Caller, changes: FromDishka[Changes], clusters: FromDishka[Clusters], change_id: FromPath[UUID]
    ) -> ChangeDetail:
        found, original = await changes.get(principal, change_id)
        names = {one.id: one.name for one in await clusters.visible(principal)}
        said = None if original is None else original.decode(errors="replace")
        return ChangeDetail(original=said, **_told(found, names))


class ChangeSourcesController(Controller):
    path = "/api/v1/change-sources"
    tags = ("intelligence",)

    @get(summary="Who may tell of changes by webhook")
    @inject
    async def list_sources(self, principal: Caller, sources: FromDishka[ChangeSources]) -> ChangeSourceList:
        return ChangeSourceList(await sources.all(principal))

    @post(summary="Let something tell of changes; its token is shown this once", status_code=HTTP_201_CREATED)
    @inject
    async def add_source(
        self, principal: Caller, sources: FromDishka[ChangeSources], data: JSONBody[ChangeSourceWish]
    ) -> CreatedChangeSource:
        made = await sources.create(principal, data.name, data.kind, data.cluster_id, data.places)
        return CreatedChangeSource(token=made.token, path=made.path, **msgspec.structs.asdict(made.source))

    @get("/clusters", summary="Whether each cluster's Kubernetes API is asked for changes, and how that goes")
    @inject
    async def list_watched(
        self, principal: Caller, watching: FromDishka[ClusterChanges], clusters: FromDishka[Clusters]
    ) -> list[WatchedCluster]:
        told = {one.cluster_id: one for one in await watching.looks(principal)}
        return [
            WatchedCluster(
                cluster=one.name,
                asked=one.api_server_url is not None,
                **msgspec.structs.asdict(told.get(one.id) or ClusterLook(cluster_id=one.id, looked_at=None)),
            )
            for one in await clusters.visible(principal)
        ]

    @delete("/{change_source_id:uuid}", summary="Take a source's token away; what it told stays")
    @inject
    async def remove_source(
        self, principal: Caller, sources: FromDishka[ChangeSources], change_source_id: FromPath[UUID]
    ) -> None:
        await sources.delete(principal, change_source_id)


@dataclass
class WebhookOperation(Operation):
    """Tells the document of the body, which no parameter of the handler stands for."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.OBJECT, description="As the sender of the source's kind writes it")
        self.request_body = RequestBody({"application/json": OpenAPIMediaType(schema)}, required=True)


@post(
    "/webhooks/changes/{change_source_id:uuid}",
    operation_class=WebhookOperation,
    status_code=HTTP_200_OK,
    summary="Where GitHub, GitLab, Argo CD and others tell of changes, signed or with the source's token",
    tags=["intelligence"],
    # Who sends is known by the signature, which stands for a principal.
    opt={"public": True},
    request_max_body_size=_MOST_BYTES,
)
@inject
async def change_webhook(
    request: Request,  # type: ignore[type-arg]
    sources: FromDishka[ChangeSources],
    change_source_id: FromPath[UUID],
) -> Taken:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Taken(await sources.deliver(change_source_id, headers, await request.body()))


CHANGE_ROUTES = (ChangesController, ChangeSourcesController, change_webhook)


def _told(change: Change, names: dict[UUID, str]) -> dict[str, Any]:
    values = {name: value for name, value in msgspec.structs.asdict(change).items() if name != "key"}
    return {**values, "cluster": None if change.cluster_id is None else names.get(change.cluster_id, "")}


def _word(value: str | None) -> str | None:
    if value and "\x00" in value:
        raise Invalid("A text can't hold a zero byte.")
    return value or None


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{at.isoformat()} lies outside of the calendar once it is told in UTC.") from None


def _encode(last: Change) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((last.at, last.id))).decode()


def _decode(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=tuple[datetime, UUID])
    except (binascii.Error, ValueError):
        raise Invalid("The cursor is not one that the hub gave.") from None
