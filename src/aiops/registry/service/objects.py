"""What lives in a cluster, for the other contexts."""

from __future__ import annotations

from uuid import UUID

from aiops.kernel.principal import Principal
from aiops.registry.needs import ObjectReader
from aiops.registry.ports import Clusters, EndpointKind
from aiops.registry.ports_objects import ClusterObjects


class ObjectsOfClusters:
    """Implements `ports_objects.Objects`."""

    def __init__(self, clusters: Clusters, reader: ObjectReader) -> None:
        self._clusters = clusters
        self._reader = reader

    async def look(self, principal: Principal, cluster_id: UUID) -> ClusterObjects | None:
        api = await self._clusters.target(principal, EndpointKind.API_SERVER, cluster_id)
        return None if api is None else await self._reader.look(api)
