"""The rules that the clusters' Prometheus evaluate, and which of them fail."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import ClusterOutcome
from aiops.observability.service.alert_pull_remote import FoundRule, RemoteRules
from aiops.observability.service.fanout import Part, gather, way_to
from aiops.observability.service.reuse import Answers
from aiops.registry.ports import Cluster, Clusters, EndpointKind

_TIMEOUT_S = 10.0
_FRESH_S = 10.0
_BYTES_A_RULE = 2_000
MOST_RULES = 10_000


class ClusterRule(msgspec.Struct, frozen=True):
    cluster_id: UUID
    cluster: str
    rule: FoundRule


class RulesFound(msgspec.Struct, frozen=True):
    """`without` are the clusters in scope that have no Prometheus; `more` rules than these were found."""

    items: list[ClusterRule]
    more: int
    clusters: list[ClusterOutcome]
    without: list[str] = []


class AlertRules:
    def __init__(self, clock: Clock, clusters: Clusters, remote: RemoteRules) -> None:
        self._clusters = clusters
        self._remote = remote
        self._answers = Answers(clock)

    async def rules(
        self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None, failing: bool = False
    ) -> RulesFound:
        """Raises `NotFound` for a cluster that is out of scope."""
        principal.require(Role.VIEWER)
        members = await self._clusters.targets(principal, EndpointKind.PROMETHEUS, cluster_ids)
        asked = {one.cluster.id: one for one in members if one.target is not None or one.problem is not None}

        async def ask(cluster: Cluster) -> Part[list[FoundRule]]:
            target = way_to(asked[cluster.id])
            assert target is not None
            found = await self._answers.get(
                (cluster.id, target.url),
                _FRESH_S,
                lambda: self._remote.rules(target, _TIMEOUT_S),
                lambda rules: len(rules) * _BYTES_A_RULE,
            )
            return Part(found.value, age_s=found.age_s)

        gathered = await gather([one.cluster for one in asked.values()], _TIMEOUT_S, ask)
        items = [
            ClusterRule(cluster.id, cluster.name, rule)
            for cluster, rules in gathered.parts
            for rule in rules
            if not failing or rule.health == "err"
        ]
        without = [one.cluster.name for one in members if one.cluster.id not in asked]
        return RulesFound(items[:MOST_RULES], max(0, len(items) - MOST_RULES), gathered.outcomes, without)
