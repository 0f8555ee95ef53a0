"""Brings what a file says of the topology into the hub; twice is as good as once."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from aiops.intelligence.domain.inventory import Inventory, read_inventory
from aiops.intelligence.marked_yaml import read_marked
from aiops.intelligence.needs_topology import Origin, TopologyChange, TopologyCounts, TopologyStore, Written
from aiops.intelligence.service.topology.book import TopologyBook
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.principal import Principal, Role
from aiops.registry.ports import Clusters

_FILE = "file:"
_WHAT = "The topology file"


class AppliedTopology(msgspec.Struct, frozen=True):
    """`name` is the file's own: what it said before and says no more goes only with `prune`."""

    name: str
    dry_run: bool
    nodes: TopologyCounts
    edges: TopologyCounts
    changes: list[TopologyChange]


class TopologyFiles:
    def __init__(
        self, transactions: Transactions, clock: Clock, store: TopologyStore, clusters: Clusters, book: TopologyBook
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._book = book

    async def apply(
        self, principal: Principal, content: str, *, name: str | None, dry_run: bool, prune: bool
    ) -> AppliedTopology:
        """All of it in one transaction, or nothing; raises `Invalid` with every fault by its line (at most 20)."""
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        clusters = {one.name: one.id for one in await self._clusters.visible(principal)}
        chosen, found = await asyncio.to_thread(_read, content, name, clusters)
        if found.faults:
            first, more = found.faults[0], len(found.faults) - 1
            rest = f" (and {more} more)" if more else ""
            told = [{"line": fault.line or None, "text": fault.text} for fault in found.faults]
            raise Invalid(f"{_WHAT}: {first}{rest}.", details={"faults": told})
        return await self._write(principal, chosen, found, dry_run=dry_run, prune=prune)

    async def forget(self, principal: Principal, name: str) -> None:
        """Drop all that a file of this name once said; raises `NotFound` where there was none."""
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        async with self._transactions.begin() as tx:
            if not await self._store.drop_origin(tx, f"{_FILE}{name}"):
                raise NotFound(f"No topology file named {name} was applied.")
            await tx.commit()
        self._book.changed()

    async def _write(
        self, principal: Principal, name: str, found: Inventory, *, dry_run: bool, prune: bool
    ) -> AppliedTopology:
        origin, now = f"{_FILE}{name}", self._clock.now()
        nodes, edges = list(found.nodes.values()), list(found.edges.values())
        async with self._transactions.begin() as tx:
            written = await self._store.put(tx, origin, None, nodes, edges, now)
            pruned = Written(TopologyCounts(), TopologyCounts())
            if prune:
                pruned = await self._store.not_seen(tx, origin, None, nodes, edges, None)
            result = AppliedTopology(
                name=name,
                dry_run=dry_run,
                nodes=msgspec.structs.replace(written.nodes, removed=pruned.nodes.removed),
                edges=msgspec.structs.replace(written.edges, removed=pruned.edges.removed),
                changes=[*written.changes, *pruned.changes],
            )
            if not dry_run:
                told = Origin(
                    origin=origin,
                    cluster_id=None,
                    looked_at=now,
                    nodes=len(nodes),
                    edges=len(edges),
                    left_out=0,
                    notes=[],
                    error=None,
                    changed_by=principal.name,
                )
                await self._store.looked(tx, told, changed=True)
                await tx.commit()
        self._book.changed()
        return result


def _read(content: str, name: str | None, clusters: dict[str, Any]) -> tuple[str, Inventory]:
    document = read_marked(content, _WHAT)
    own = document.get("name") if isinstance(document, dict) else None
    chosen = str(own or name or "")
    if not 1 <= len(chosen) <= 64 or not chosen.isprintable():
        raise Invalid(f"{_WHAT}: `name` is text of 1 to 64 characters, by which it is known when it comes again.")
    return chosen, read_inventory(document, clusters, f"{_FILE}{chosen}")
