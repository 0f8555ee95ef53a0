"""An incident's place in the topology, over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import get
from litestar.params import FromPath

from aiops.intelligence.http.anomalies import names_of
from aiops.intelligence.http.topology import TopologyGraph, graph_of
from aiops.intelligence.service.topology.of_incident import IncidentTopology
from aiops.kernel.http import Caller
from aiops.registry.ports import Clusters


class IncidentGraph(msgspec.Struct, frozen=True):
    """`causes` by rank and `struck` are ids of nodes of the graph; no nodes where the topology knows none of them."""

    graph: TopologyGraph
    causes: list[UUID]
    struck: list[UUID]


@get(
    "/api/v1/incidents/{incident_id:uuid}/topology",
    tags=["intelligence"],
    summary="The causes of an incident, what they struck, and what ties them together",
)
@inject
async def incident_topology(
    principal: Caller,
    placing: FromDishka[IncidentTopology],
    clusters: FromDishka[Clusters],
    incident_id: FromPath[UUID],
) -> IncidentGraph:
    found = await placing.of(principal, incident_id)
    return IncidentGraph(graph_of(found.part, await names_of(principal, clusters)), found.causes, found.struck)
