"""What people do with incidents, over HTTP; and the teams that own what these strike."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, JSONBody

from aiops.intelligence.domain.incidents import MemberChoice
from aiops.intelligence.domain.teams import Team
from aiops.intelligence.http.incidents import IncidentDetailReply, told
from aiops.intelligence.service.hands import Hands
from aiops.intelligence.service.merging import Merging
from aiops.intelligence.service.reading import Reading
from aiops.intelligence.service.teams import TeamDraft, Teams
from aiops.kernel.http import Caller
from aiops.registry.ports import Clusters


class Comment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    other_id: UUID


class Merge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    incident_ids: list[UUID]


class MoveMembers(MemberChoice, frozen=True, forbid_unknown_fields=True):
    """Without `to` they go to a new incident, which may be given a title."""

    to: UUID | None = None
    title: str | None = None


class TeamList(msgspec.Struct, frozen=True):
    items: list[Team]


class HandsController(Controller):
    path = "/api/v1/incidents"
    tags = ("intelligence",)

    @post("/{incident_id:uuid}/comments", summary="Say something about an incident")
    @inject
    async def comment(
        self,
        principal: Caller,
        hands: FromDishka[Hands],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        incident_id: FromPath[UUID],
        data: JSONBody[Comment],
    ) -> IncidentDetailReply:
        """Those read it who see all clusters that its author sees of the incident."""
        await hands.comment(principal, incident_id, data.text)
        return await told(principal, reading, clusters, incident_id)

    @post("/{incident_id:uuid}/links", summary="Link an incident to another one")
    @inject
    async def link(
        self,
        principal: Caller,
        hands: FromDishka[Hands],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        incident_id: FromPath[UUID],
        data: JSONBody[Link],
    ) -> IncidentDetailReply:
        await hands.link(principal, incident_id, data.other_id)
        return await told(principal, reading, clusters, incident_id)

    @delete("/{incident_id:uuid}/links/{other_id:uuid}", summary="Take away a link between two incidents")
    @inject
    async def unlink(
        self, principal: Caller, hands: FromDishka[Hands], incident_id: FromPath[UUID], other_id: FromPath[UUID]
    ) -> None:
        await hands.unlink(principal, incident_id, other_id)

    @post("/{incident_id:uuid}/merge", summary="Merge other incidents into this one")
    @inject
    async def merge(
        self,
        principal: Caller,
        merging: FromDishka[Merging],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        incident_id: FromPath[UUID],
        data: JSONBody[Merge],
    ) -> IncidentDetailReply:
        """What is out of your scope stays where it is."""
        await merging.merge(principal, incident_id, data.incident_ids)
        return await told(principal, reading, clusters, incident_id)

    @post("/{incident_id:uuid}/move", summary="Move alerts and anomalies to another incident, or split them off")
    @inject
    async def move(
        self,
        principal: Caller,
        merging: FromDishka[Merging],
        reading: FromDishka[Reading],
        clusters: FromDishka[Clusters],
        incident_id: FromPath[UUID],
        data: JSONBody[MoveMembers],
    ) -> IncidentDetailReply:
        """Gives the incident where they are now. All are moved, or none."""
        target = await merging.move(principal, incident_id, data.to, data, data.title)
        return await told(principal, reading, clusters, target)


class TeamsController(Controller):
    path = "/api/v1/teams"
    tags = ("intelligence",)

    @get(summary="The teams, and what they own")
    @inject
    async def list_teams(self, principal: Caller, teams: FromDishka[Teams]) -> TeamList:
        return TeamList(await teams.all(principal))

    @post(summary="Add a team")
    @inject
    async def add_team(self, principal: Caller, teams: FromDishka[Teams], data: JSONBody[TeamDraft]) -> Team:
        return await teams.put(principal, data)

    @put("/{team_id:uuid}", summary="Change a team")
    @inject
    async def change_team(
        self, principal: Caller, teams: FromDishka[Teams], team_id: FromPath[UUID], data: JSONBody[TeamDraft]
    ) -> Team:
        return await teams.put(principal, data, team_id)

    @delete("/{team_id:uuid}", summary="Delete a team")
    @inject
    async def delete_team(self, principal: Caller, teams: FromDishka[Teams], team_id: FromPath[UUID]) -> None:
        await teams.delete(principal, team_id)


HANDS_ROUTES = (HandsController, TeamsController)
