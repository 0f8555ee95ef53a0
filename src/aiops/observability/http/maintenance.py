"""Maintenance windows, their calendar and preview, and reminders of silences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.observability.maintenance.windows import Cut, Occurrence, Terms
from aiops.observability.needs_maintenance import PastEpisode, PushedSilence, Reminder, ReminderKind
from aiops.observability.ports import Labels, Severity
from aiops.observability.service.maintenance.preview import Preview, Previews
from aiops.observability.service.maintenance.reminders import Reminders
from aiops.observability.service.maintenance.windows import MaintenanceWindows, OnCalendar, WindowView
from aiops.observability.service.silences_remote import SilenceMatcher
from aiops.registry.ports import Clusters

Names = dict[UUID, str]


class WindowWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From `starts_local`, as the clock on the wall of `timezone` (IANA) shows it, for `duration_s` seconds of that
    clock. `rrule` repeats it (RFC 5545: FREQ of DAILY, WEEKLY, MONTHLY or YEARLY); without it, it happens once.

    On these clusters, or the whole fleet where `cluster_ids` is left out; all alerts, or those that all `matchers`
    match. `push`: the clusters' Alertmanagers are given a silence for each occurrence.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    starts_local: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$")]
    duration_s: Annotated[int, msgspec.Meta(ge=60, le=31 * 86_400)]
    comment: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    rrule: Annotated[str, msgspec.Meta(max_length=500)] = ""
    cluster_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1_000)] | None = None
    matchers: Annotated[list[SilenceMatcher], msgspec.Meta(max_length=64)] = []
    push: bool = False


class ChangedWindow(WindowWish, frozen=True, forbid_unknown_fields=True, kw_only=True):
    revision: int


class PreviewWish(WindowWish, frozen=True, forbid_unknown_fields=True, kw_only=True):
    days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 14


class CutWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    starts_at: datetime


class ClusterOf(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class WindowReply(msgspec.Struct, frozen=True, kw_only=True):
    """`clusters` is `null` for the whole fleet, and else those in scope. `active` is the occurrence of now, `following`
    the next; `over_at` when the last ends. `hides`: so many alerts fire unheard. `pushed`: its silences."""

    id: UUID
    title: str
    comment: str
    timezone: str
    starts_local: str
    duration_s: int
    rrule: str
    clusters: list[ClusterOf] | None
    matchers: tuple[SilenceMatcher, ...]
    push: bool
    cuts: tuple[Cut, ...]
    over_at: datetime | None
    owner: str
    revision: int
    created_at: datetime
    updated_at: datetime
    active: Occurrence | None
    following: Occurrence | None
    hides: int
    may_change: bool
    pushed: list[PushedSilence]


class WindowList(msgspec.Struct, frozen=True):
    items: list[WindowReply]


class Calendar(msgspec.Struct, frozen=True):
    items: list[OnCalendar]


class EpisodeReply(msgspec.Struct, frozen=True, kw_only=True):
    cluster_id: UUID
    cluster: str
    fingerprint: str
    name: str
    severity: Severity
    labels: Labels
    started_at: datetime
    ended_at: datetime | None


class PreviewReply(msgspec.Struct, frozen=True, kw_only=True):
    """`now`: what fires now and would be hidden, at most 200 of `now_total`. `past`: what fired in the last days while
    it would have taken place, had its rhythm begun before; of a window that happens once, whenever
    (`past_whenever`). `past_matching` matched at any hour. `truncated`: more fired than the `examined`."""

    next: list[Occurrence]
    now: list[EpisodeReply]
    now_total: int
    past: list[EpisodeReply]
    past_total: int
    past_matching: int
    past_whenever: bool
    examined: int
    truncated: bool


class ReminderReply(msgspec.Struct, frozen=True, kw_only=True):
    """`title` are the silence's matchers; `since` and `until` its own; `hides`: so many firing alerts, at `at`."""

    id: UUID
    kind: ReminderKind
    cluster_id: UUID
    cluster: str
    silence_id: str
    title: str
    created_by: str
    since: datetime
    until: datetime
    hides: int
    at: datetime


class ReminderList(msgspec.Struct, frozen=True):
    items: list[ReminderReply]


class MaintenanceController(Controller):
    path = "/api/v1/maintenance"
    tags: Sequence[str] = ["observability"]

    @get(summary="Maintenance windows: those that run first, then the next to begin")
    @inject
    async def windows(
        self, principal: Caller, service: FromDishka[MaintenanceWindows], clusters: FromDishka[Clusters]
    ) -> WindowList:
        names = await _names(principal, clusters)
        return WindowList([_reply(one, names) for one in await service.all(principal)])

    @post(summary="Make a maintenance window", status_code=HTTP_201_CREATED)
    @inject
    async def create(
        self,
        principal: Caller,
        service: FromDishka[MaintenanceWindows],
        clusters: FromDishka[Clusters],
        data: JSONBody[WindowWish],
    ) -> WindowReply:
        made = await service.create(principal, _terms(data))
        return _reply(made, await _names(principal, clusters))

    @post("/preview", summary="What a window would hide, now and in the last days", status_code=HTTP_200_OK)
    @inject
    async def preview(
        self,
        principal: Caller,
        previews: FromDishka[Previews],
        clusters: FromDishka[Clusters],
        data: JSONBody[PreviewWish],
    ) -> PreviewReply:
        found = await previews.preview(principal, _terms(data), data.days)
        return _previewed(found, await _names(principal, clusters))

    @get("/calendar", summary="What takes place between two moments, the first to begin first")
    @inject
    async def calendar(
        self,
        principal: Caller,
        service: FromDishka[MaintenanceWindows],
        start: FromQuery[datetime],
        end: FromQuery[datetime],
    ) -> Calendar:
        return Calendar(await service.calendar(principal, _utc(start), _utc(end)))

    @get("/{window_id:uuid}", summary="One maintenance window")
    @inject
    async def window(
        self,
        principal: Caller,
        service: FromDishka[MaintenanceWindows],
        clusters: FromDishka[Clusters],
        window_id: FromPath[UUID],
    ) -> WindowReply:
        return _reply(await service.get(principal, window_id), await _names(principal, clusters))

    @put("/{window_id:uuid}", summary="Change a maintenance window")
    @inject
    async def change(
        self,
        principal: Caller,
        service: FromDishka[MaintenanceWindows],
        clusters: FromDishka[Clusters],
        window_id: FromPath[UUID],
        data: JSONBody[ChangedWindow],
    ) -> WindowReply:
        changed = await service.change(principal, window_id, _terms(data), data.revision)
        return _reply(changed, await _names(principal, clusters))

    @post("/{window_id:uuid}/cut", summary="End an occurrence now, or leave it out", status_code=HTTP_200_OK)
    @inject
    async def cut(
        self,
        principal: Caller,
        service: FromDishka[MaintenanceWindows],
        clusters: FromDishka[Clusters],
        window_id: FromPath[UUID],
        data: JSONBody[CutWish],
    ) -> WindowReply:
        cut = await service.cut(principal, window_id, _utc(data.starts_at))
        return _reply(cut, await _names(principal, clusters))

    @delete("/{window_id:uuid}", summary="Delete a maintenance window; what still burns is heard at once")
    @inject
    async def remove(
        self, principal: Caller, service: FromDishka[MaintenanceWindows], window_id: FromPath[UUID]
    ) -> None:
        await service.delete(principal, window_id)


class SilenceReminderController(Controller):
    path = "/api/v1/silence-reminders"
    tags: Sequence[str] = ["observability"]

    @get(summary="Silences that end soon, or are old and still hide something; the first to end first")
    @inject
    async def reminders(
        self, principal: Caller, service: FromDishka[Reminders], clusters: FromDishka[Clusters]
    ) -> ReminderList:
        names = await _names(principal, clusters)
        return ReminderList([_reminder(one, names) for one in await service.open(principal)])

    @post("/{reminder_id:uuid}/dismiss", summary="Take a reminder away, for all", status_code=HTTP_200_OK)
    @inject
    async def dismiss(self, principal: Caller, service: FromDishka[Reminders], reminder_id: FromPath[UUID]) -> None:
        await service.dismiss(principal, reminder_id)


async def _names(principal: Caller, clusters: Clusters) -> Names:
    return {cluster.id: cluster.name for cluster in await clusters.visible(principal)}


def _terms(wish: WindowWish) -> Terms:
    return Terms(
        title=wish.title,
        comment=wish.comment,
        timezone=wish.timezone,
        starts_local=_wall_clock(wish.starts_local),
        duration_s=wish.duration_s,
        rrule=wish.rrule,
        cluster_ids=None if wish.cluster_ids is None else tuple(wish.cluster_ids),
        matchers=tuple(wish.matchers),
        push=wish.push,
    )


def _wall_clock(word: str) -> datetime:
    try:
        return datetime.fromisoformat(word)
    except ValueError:
        raise Invalid(f"{word} is no time of day on a calendar.") from None


def _reply(view: WindowView, names: Names) -> WindowReply:
    window = view.window
    ids = window.cluster_ids
    told: dict[str, Any] = {
        name: getattr(window, name) for name in window.__struct_fields__ if name in WindowReply.__struct_fields__
    }
    return WindowReply(
        **{**told, "starts_local": window.starts_local.isoformat()},
        clusters=None if ids is None else [ClusterOf(one, names.get(one, "")) for one in ids],
        active=view.active,
        following=view.following,
        hides=view.hides,
        may_change=view.may_change,
        pushed=view.pushed,
    )


def _previewed(found: Preview, names: Names) -> PreviewReply:
    told = {name: getattr(found, name) for name in found.__struct_fields__ if name not in ("now", "past")}
    return PreviewReply(
        now=[_episode(one, names) for one in found.now], past=[_episode(one, names) for one in found.past], **told
    )


def _episode(one: PastEpisode, names: Names) -> EpisodeReply:
    told = {name: getattr(one, name) for name in one.__struct_fields__ if name != "state"}
    return EpisodeReply(cluster=names.get(one.cluster_id, ""), **told)


def _reminder(one: Reminder, names: Names) -> ReminderReply:
    told = {name: getattr(one, name) for name in one.__struct_fields__ if not name.startswith("dismissed")}
    return ReminderReply(cluster=names.get(one.cluster_id, ""), **told)


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{at.isoformat()} lies outside of the calendar once it is told in UTC.") from None
