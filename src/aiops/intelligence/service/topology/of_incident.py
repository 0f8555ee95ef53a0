"""An incident in the topology: its causes, what they struck, and what lies between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from aiops.intelligence.domain.topology import Topology
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.service.reading import within
from aiops.intelligence.service.topology.book import TopologyBook
from aiops.intelligence.service.topology.reading import Part, TopologyReading
from aiops.kernel.database import Transactions
from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal, Role

_STRUCK_SHOWN = 60
_SHOWN = 80
_FEW = 12
"""With no more than this, what lies next to them is shown too."""


@dataclass(frozen=True)
class PlacedIncident:
    """`causes` by rank and `struck` are nodes of `part`, in which also stands what ties them together."""

    part: Part
    causes: list[UUID]
    struck: list[UUID]


class IncidentTopology:
    def __init__(
        self, transactions: Transactions, incidents: IncidentStore, book: TopologyBook, reading: TopologyReading
    ) -> None:
        self._transactions = transactions
        self._incidents = incidents
        self._book = book
        self._reading = reading

    async def of(self, principal: Principal, incident_id: UUID) -> PlacedIncident:
        """Empty where the topology knows nothing of it. Raises `NotFound` for an incident out of scope."""
        principal.require(Role.VIEWER)
        scope = None if principal.clusters is None else sorted(principal.clusters)
        async with self._transactions.begin() as tx:
            view = await self._incidents.view(tx, incident_id, scope)
            if view is None:
                raise NotFound("There is no such incident.")
            ranked, _ = await self._incidents.causes(tx, incident_id)
            named = await self._incidents.named_nodes(tx, incident_id, scope, _STRUCK_SHOWN + 1)
        topology = await self._book.of(principal)
        nodes = [one.node_id for one in within(principal, ranked) if one.node_id is not None]
        causes = [one for one in nodes if one in topology]
        struck = [one for one in named[:_STRUCK_SHOWN] if one in topology]
        shown = await asyncio.to_thread(drawn, topology, causes, struck)
        part = await self._reading.among(principal, shown)
        more = part.more or len(named) > _STRUCK_SHOWN
        return PlacedIncident(Part(part.nodes, part.edges, part.topology, part.wrong, more), causes, struck)


def drawn(topology: Topology, causes: Sequence[UUID], struck: Sequence[UUID]) -> list[UUID]:
    """The causes, what they struck and the ways from these to the likeliest cause; where that is little, also what lies
    next to it. At most 80."""
    found = dict.fromkeys([*causes, *struck])
    for one in struck:
        found.update(dict.fromkeys(topology.path(one, causes[0]) if causes else ()))
    if len(found) <= _FEW:
        for one in list(found):
            found.update(dict.fromkeys(topology.around(one, 1, _FEW)))
    return list(found)[:_SHOWN]
