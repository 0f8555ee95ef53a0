"""What there is to ask for: series, the names of labels and their values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, Role
from aiops.observability.needs import SampleStore
from aiops.observability.ports import ClusterOutcome, Labels
from aiops.observability.promql import parse
from aiops.observability.service import metrics_numbers as numbers
from aiops.observability.service.metrics_fanout import Part, gather, way_to
from aiops.observability.service.metrics_question import Question, deadline_of, members_of, where
from aiops.observability.service.metrics_remote import RemoteMetrics
from aiops.registry.ports import Cluster, Clusters

_SERIES_BACK_S = 6 * 3600.0
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LabelNames(msgspec.Struct, frozen=True):
    labels: list[str]
    clusters: list[ClusterOutcome]


class LabelValues(msgspec.Struct, frozen=True):
    values: list[str]
    clusters: list[ClusterOutcome]


class SeriesFound(msgspec.Struct, frozen=True):
    series: list[Labels]
    clusters: list[ClusterOutcome]


class SeriesNames:
    def __init__(
        self, transactions: Transactions, clock: Clock, store: SampleStore, clusters: Clusters, remote: RemoteMetrics
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._remote = remote

    async def labels(
        self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None, timeout_s: float = 30.0
    ) -> LabelNames:
        """The names of labels in these clusters, the hub's own series included."""
        principal.require(Role.VIEWER)
        deadline = deadline_of(timeout_s)
        members = await members_of(self._clusters, principal, cluster_ids)
        clusters = [member.cluster for member in members.values()]

        async def ask(cluster: Cluster) -> Part[list[str]]:
            async with self._transactions.begin() as tx:
                own = await self._store.label_names(tx, [cluster.id])
            target = way_to(members[cluster.id])
            if target is None:
                return Part(own)
            answer = await self._remote.labels(target, deadline)
            return Part([*own, *answer.data], answer.warnings)

        gathered = await gather(clusters, deadline, ask)
        return LabelNames(sorted({"cluster"}.union(*(part for _, part in gathered.parts))), gathered.outcomes)

    async def label_values(
        self, principal: Principal, name: str, *, cluster_ids: Sequence[UUID] | None = None, timeout_s: float = 30.0
    ) -> LabelValues:
        """The values of one label in these clusters; of `cluster`, their names."""
        principal.require(Role.VIEWER)
        if not _LABEL.fullmatch(name):
            raise Invalid(f"{name!r} is not the name of a label.")
        deadline = deadline_of(timeout_s)
        members = await members_of(self._clusters, principal, cluster_ids)
        clusters = [member.cluster for member in members.values()]

        async def ask(cluster: Cluster) -> Part[list[str]]:
            if name == "cluster":
                return Part([cluster.name])
            async with self._transactions.begin() as tx:
                own = await self._store.label_values(tx, [cluster.id], name)
            target = way_to(members[cluster.id])
            if target is None:
                return Part(own)
            answer = await self._remote.label_values(target, name, deadline)
            return Part([*own, *answer.data], answer.warnings)

        gathered = await gather(clusters, deadline, ask)
        return LabelValues(sorted({value for _, part in gathered.parts for value in part}), gathered.outcomes)

    async def series(
        self, principal: Principal, match: str, *, cluster_ids: Sequence[UUID] | None = None, timeout_s: float = 30.0
    ) -> SeriesFound:
        """The series that the selector `match` finds; of a remote Prometheus those of the last six hours."""
        principal.require(Role.VIEWER)
        question, deadline = Question.of(match), deadline_of(timeout_s)
        (selector, *others) = parse(match).selectors or (None,)
        if selector is None or others or selector.range_ms is not None or not question.plan.local:
            raise Invalid('`match` must be one selector, as in up{job="node"}.')
        asked = await where(self._clusters, principal, question, cluster_ids)
        now_s = self._clock.now().timestamp()

        async def ask(cluster: Cluster) -> Part[list[Labels]]:
            text = asked.text(cluster)
            target = way_to(asked.members[cluster.id])
            if target is None:
                async with self._transactions.begin() as tx:
                    found = await self._store.series(tx, [cluster.id], parse(text).selectors[0].matchers)
                return Part([labels for _, labels in found])
            answer = await self._remote.series(target, text, now_s - _SERIES_BACK_S, now_s, deadline)
            return Part(answer.data, answer.warnings)

        gathered = await gather(asked.clusters, deadline, ask)
        found = [numbers.in_cluster(labels, cluster.name) for cluster, part in gathered.parts for labels in part]
        return SeriesFound(found, gathered.outcomes)
