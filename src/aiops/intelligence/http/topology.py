"""The topology over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from aiops.intelligence.domain.topology import EdgeKind, Node, NodeKind
from aiops.intelligence.domain.troubles import GroupKey, Trouble
from aiops.intelligence.http.anomalies import Cursor, Names, PageSize, after, following, names_of
from aiops.intelligence.needs_topology import Origin
from aiops.intelligence.service.topology.applying import AppliedTopology, TopologyFiles
from aiops.intelligence.service.topology.reading import Part, TopologyReading, Wanted
from aiops.kernel.http import Caller
from aiops.observability.ports import Labels, Severity
from aiops.registry.ports import Clusters

LARGEST_FILE = 16 * 1024 * 1024
_GROUPS_SHOWN = 120
_Word = Annotated[str | None, QueryParameter(max_length=253)]
_Depth = Annotated[int, QueryParameter(ge=1, le=6)]
_Shown = Annotated[int, QueryParameter(ge=1, le=500)]


class TopologyTrouble(msgspec.Struct, frozen=True):
    """Open alerts and anomalies that name this node: how many, the first names, and the incidents that hold them."""

    severity: Severity
    signs: int
    names: list[str]
    incidents: list[UUID]


class TopologyNode(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    kind: NodeKind
    name: str
    namespace: str
    cluster_id: UUID | None
    cluster: str | None
    attributes: Labels
    trouble: TopologyTrouble | None


class TopologyPage(msgspec.Struct, frozen=True):
    items: list[TopologyNode]
    next_cursor: str | None
    total: int


class OriginOfNode(msgspec.Struct, frozen=True):
    origin: str
    first_seen: datetime
    last_seen: datetime | None


class TopologyNodeDetail(msgspec.Struct, frozen=True):
    """`matchers`: labels that name this node beside those that its kind has."""

    node: TopologyNode
    matchers: list[Labels]
    origins: list[OriginOfNode]


class PlacedNode(msgspec.Struct, frozen=True):
    """`distance`: how many edges away from the node that was asked for."""

    node: TopologyNode
    distance: int


class TopologyEdge(msgspec.Struct, frozen=True):
    """The source depends on the target."""

    source: UUID
    target: UUID
    kind: EdgeKind


class TopologyGraph(msgspec.Struct, frozen=True):
    """`more`: there are further nodes that were left out."""

    nodes: list[PlacedNode]
    edges: list[TopologyEdge]
    more: bool


class TopologyImpact(msgspec.Struct, frozen=True):
    """What needs a node, within 8 edges. `clusters` are counts by name; nodes of no cluster are not in it."""

    total: int
    kinds: dict[str, int]
    clusters: dict[str, int]
    nearest: list[PlacedNode]


class TopologyGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster; or the nodes of one `kind`, of one namespace where they have one. `worst` is the worst open sign."""

    key: str
    cluster_id: UUID | None
    cluster: str | None
    namespace: str | None
    kind: NodeKind | None
    nodes: int
    unhealthy: int
    worst: Severity | None


class TopologyLink(msgspec.Struct, frozen=True):
    """Nodes of the source depend on nodes of the target, in so many pairs."""

    source: str
    target: str
    edges: int


class TopologyFar(msgspec.Struct, frozen=True):
    """`left_out` counts groups that are not shown."""

    groups: list[TopologyGroup]
    links: list[TopologyLink]
    nodes: int
    unhealthy: int
    left_out: int


class TopologyOrigin(Origin, frozen=True, kw_only=True):
    cluster: str | None


class TopologyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`content` is the file itself, YAML or JSON (docs/topology.md); `name` is used where it does not say its own."""

    content: Annotated[str, msgspec.Meta(max_length=LARGEST_FILE)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    dry_run: bool = False
    prune: bool = False


class TopologyLabels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    labels: Annotated[Labels, msgspec.Meta(max_length=200)]
    cluster_id: UUID | None = None


class TopologyNodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nodes: Annotated[list[UUID], msgspec.Meta(max_length=300)]


class TopologyController(Controller):
    path = "/api/v1/topology"
    tags = ["intelligence"]  # noqa: RUF012

    @get(summary="The topology from far: by cluster, or one cluster by namespace and kind")
    @inject
    async def far(
        self,
        principal: Caller,
        reading: FromDishka[TopologyReading],
        clusters: FromDishka[Clusters],
        cluster_id: FromQuery[UUID | None] = None,
    ) -> TopologyFar:
        seen = await reading.far(principal, cluster_id)
        names = await names_of(principal, clusters)
        shown = seen.largest(_GROUPS_SHOWN)
        groups = [
            TopologyGroup(
                key=_key(key),
                cluster_id=key.cluster_id,
                cluster=names.get(key.cluster_id) if key.cluster_id else None,
                namespace=key.namespace,
                kind=key.kind,
                nodes=seen.nodes[key],
                unhealthy=seen.unhealthy[key],
                worst=seen.worst.get(key),
            )
            for key in shown
        ]
        drawn = set(shown)
        links = [TopologyLink(_key(a), _key(b), n) for (a, b), n in seen.links.items() if a in drawn and b in drawn]
        return TopologyFar(
            groups, links, seen.nodes.total(), seen.unhealthy.total(), left_out=len(seen.nodes) - len(shown)
        )

    @get("/nodes", summary="Nodes by name")
    @inject
    async def list_nodes(
        self,
        principal: Caller,
        reading: FromDishka[TopologyReading],
        clusters: FromDishka[Clusters],
        *,
        search: _Word = None,
        kind: FromQuery[NodeKind | None] = None,
        cluster_id: FromQuery[UUID | None] = None,
        namespace: _Word = None,
        unhealthy: FromQuery[bool] = False,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> TopologyPage:
        wanted = Wanted(search, kind, cluster_id, namespace, unhealthy)
        items, total, wrong = await reading.page(principal, wanted, page_size, after(cursor))
        names = await names_of(principal, clusters)
        return TopologyPage([_node(one, wrong, names) for one in items], following(items, page_size), total)

    @get("/nodes/{node_id:uuid}", summary="One node, and who tells of it")
    @inject
    async def get_node(
        self,
        principal: Caller,
        reading: FromDishka[TopologyReading],
        clusters: FromDishka[Clusters],
        node_id: FromPath[UUID],
    ) -> TopologyNodeDetail:
        node, seen = await reading.node(principal, node_id)
        part = await reading.among(principal, [node_id])
        reply = _node(node, part.wrong, await names_of(principal, clusters))
        return TopologyNodeDetail(reply, [dict(one) for one in node.matchers], [OriginOfNode(*one) for one in seen])

    @get("/nodes/{node_id:uuid}/neighbours", summary="What lies around a node, nearest first")
    @inject
    async def neighbours(
        self,
        principal: Caller,
        reading: FromDishka[TopologyReading],
        clusters: FromDishka[Clusters],
        node_id: FromPath[UUID],
        *,
        depth: _Depth = 2,
        way: FromQuery[Literal["BOTH", "NEEDS", "NEEDED_BY"]] = "BOTH",
        limit: _Shown = 150,
    ) -> TopologyGraph:
        part = await reading.around(principal, node_id, depth, limit, way)
        return graph_of(part, await names_of(principal, clusters))

    @get("/nodes/{node_id:uuid}/impact", summary="What a failure of this node may touch")
    @inject
    async def impact(
        self,
        principal: Caller,
        reading: FromDishka[TopologyReading],
        clusters: FromDishka[Clusters],
        node_id: FromPath[UUID],
        limit: _Shown = 20,
    ) -> TopologyImpact:
        found = await reading.impact(principal, node_id, limit)
        names = await names_of(principal, clusters)
        nearest = Part(found.nearest, [], found.topology, found.wrong, more=False)
        return TopologyImpact(
            found.total,
            {kind.value: count for kind, count in found.by_kind.items()},
            {names.get(one, str(one)): count for one, count in found.by_cluster.items()},
            graph_of(nearest, names).nodes,
        )

    @post("/graph", status_code=200, summary="These nodes and the edges among them")
    @inject
    async def among(
        self,
        principal: Caller,
        reading: FromDishka[TopologyReading],
        clusters: FromDishka[Clusters],
        data: JSONBody[TopologyNodes],
    ) -> TopologyGraph:
        return graph_of(await reading.among(principal, data.nodes), await names_of(principal, clusters))

    @post("/locate", status_code=200, summary="Which nodes the labels of an alert name, most specific first")
    @inject
    async def locate(
        self,
        principal: Caller,
        reading: FromDishka[TopologyReading],
        clusters: FromDishka[Clusters],
        data: JSONBody[TopologyLabels],
    ) -> list[TopologyNode]:
        found = await reading.locate(principal, data.cluster_id, data.labels)
        part = await reading.among(principal, [node.id for node in found])
        names = await names_of(principal, clusters)
        return [_node(node, part.wrong, names) for node in found]

    @get("/origins", summary="Who tells of the topology, and when each last looked")
    @inject
    async def origins(
        self, principal: Caller, reading: FromDishka[TopologyReading], clusters: FromDishka[Clusters]
    ) -> list[TopologyOrigin]:
        names = await names_of(principal, clusters)
        return [
            TopologyOrigin(
                cluster=names.get(one.cluster_id) if one.cluster_id else None,
                **{name: getattr(one, name) for name in Origin.__struct_fields__},
            )
            for one in await reading.origins(principal)
        ]

    @post("/apply", status_code=200, request_max_body_size=2 * LARGEST_FILE, summary="Bring in a topology file")
    @inject
    async def apply(
        self, principal: Caller, files: FromDishka[TopologyFiles], data: JSONBody[TopologyFile]
    ) -> AppliedTopology:
        return await files.apply(principal, data.content, name=data.name, dry_run=data.dry_run, prune=data.prune)

    @delete("/files/{file:str}", summary="Forget what a file of this name said")
    @inject
    async def forget(self, principal: Caller, files: FromDishka[TopologyFiles], file: FromPath[str]) -> None:
        await files.forget(principal, file)


def _key(key: GroupKey) -> str:
    return "|".join(("" if key.cluster_id is None else str(key.cluster_id), key.namespace or "", key.kind or ""))


def _node(node: Node, wrong: dict[UUID, Trouble], names: Names) -> TopologyNode:
    trouble = wrong.get(node.id)
    return TopologyNode(
        id=node.id,
        kind=node.kind,
        name=node.name,
        namespace=node.namespace,
        cluster_id=node.cluster_id,
        cluster=names.get(node.cluster_id) if node.cluster_id else None,
        attributes=dict(node.attributes),
        trouble=None
        if trouble is None
        else TopologyTrouble(trouble.severity, trouble.signs, trouble.names, trouble.incidents),
    )


def graph_of(part: Part, names: Names) -> TopologyGraph:
    """A part of the topology as the API tells it."""
    nodes = [
        PlacedNode(_node(node, part.wrong, names), distance)
        for one, distance in part.nodes.items()
        if (node := part.topology.node(one)) is not None
    ]
    return TopologyGraph(nodes, [TopologyEdge(edge.source, edge.target, edge.kind) for edge in part.edges], part.more)
