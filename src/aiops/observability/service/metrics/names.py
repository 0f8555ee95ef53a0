"""What there is to ask for: series, the names of labels and their values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, Role
from aiops.observability.needs import SampleStore
from aiops.observability.ports import ClusterOutcome, Labels
from aiops.observability.promql import parse
from aiops.observability.service.fanout import Part, gather, way_to
from aiops.observability.service.metrics import numbers
from aiops.observability.service.metrics.question import Question, deadline_of, members_of, texts_for
from aiops.observability.service.metrics.remote import Meaning, RemoteMetrics, RemoteWithin
from aiops.registry.ports import Cluster, Clusters, Member

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


class MetadataFound(msgspec.Struct, frozen=True):
    """By the metric's name; several meanings where exporters differ."""

    metadata: dict[str, list[Meaning]]
    clusters: list[ClusterOutcome]


class Within(msgspec.Struct, frozen=True):
    """Only what these selectors find between the two moments (Unix seconds); of a remote Prometheus the last six hours
    where none are given. The hub's own names are those of all times."""

    match: tuple[str, ...] = ()
    start_s: float | None = None
    end_s: float | None = None


_ANYTHING = Within()


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
        self,
        principal: Principal,
        *,
        within: Within = _ANYTHING,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LabelNames:
        """The names of labels in these clusters, the hub's own series included."""
        look = await self._look(principal, within, cluster_ids, timeout_s)

        async def ask(cluster: Cluster) -> Part[list[str]]:
            target, texts = way_to(look.members[cluster.name]), look.texts[cluster.name]
            own = await self._own_labels(cluster, look.own_texts[cluster.name])
            if target is None:
                return Part(own)
            answer = await self._remote.labels(target, look.remote(texts), look.deadline)
            return Part([*own, *answer.data], answer.warnings, age_s=answer.age_s)

        gathered = await gather(look.clusters, look.deadline, ask)
        found = {name for _, part in gathered.parts for name in part}
        return LabelNames(sorted(found | {"cluster"} if found else found), gathered.outcomes)

    async def label_values(
        self,
        principal: Principal,
        name: str,
        *,
        within: Within = _ANYTHING,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LabelValues:
        """The values of one label in these clusters; of `cluster`, the names of those that have something."""
        if not _LABEL.fullmatch(name):
            raise Invalid(f"{name!r} is not the name of a label.")
        look = await self._look(principal, within, cluster_ids, timeout_s)
        looked_at = "__name__" if name == "cluster" else name

        async def ask(cluster: Cluster) -> Part[list[str]]:
            target, texts = way_to(look.members[cluster.name]), look.texts[cluster.name]
            if name == "cluster" and not within.match:
                return Part([cluster.name])
            found = await self._own_values(cluster, look.own_texts[cluster.name], looked_at)
            warnings: tuple[str, ...] = ()
            if target is not None:
                answer = await self._remote.label_values(target, looked_at, look.remote(texts), look.deadline)
                found, warnings = [*found, *answer.data], answer.warnings
            if name == "cluster":
                found = [cluster.name] if found else []
            return Part(found, warnings)

        gathered = await gather(look.clusters, look.deadline, ask)
        values = {value for _, part in gathered.parts for value in part}
        return LabelValues(sorted(values), gathered.outcomes)

    async def series(
        self,
        principal: Principal,
        within: Within,
        *,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> SeriesFound:
        """The series that the selectors find."""
        if not within.match:
            raise Invalid('Give `match`: one selector, as in up{job="node"}.')
        look = await self._look(principal, within, cluster_ids, timeout_s)

        async def ask(cluster: Cluster) -> Part[list[Labels]]:
            target, texts = way_to(look.members[cluster.name]), look.texts[cluster.name]
            if target is None:
                return Part(await self._own_series(cluster, look.own_texts[cluster.name]))
            answer = await self._remote.series(target, look.remote(texts), look.deadline)
            return Part(answer.data, answer.warnings, age_s=answer.age_s)

        gathered = await gather(look.clusters, look.deadline, ask)
        found = [numbers.in_cluster(labels, cluster.name) for cluster, part in gathered.parts for labels in part]
        return SeriesFound(found, gathered.outcomes)

    async def metadata(
        self,
        principal: Principal,
        metric: str | None = None,
        *,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> MetadataFound:
        """What the exporters say of their metrics; the hub's own samples come without."""
        look = await self._look(principal, _ANYTHING, cluster_ids, timeout_s)

        async def ask(cluster: Cluster) -> Part[dict[str, list[Meaning]]]:
            target = way_to(look.members[cluster.name])
            if target is None:
                return Part({})
            answer = await self._remote.metadata(target, metric, look.deadline)
            return Part(answer.data, answer.warnings, age_s=answer.age_s)

        gathered = await gather(look.clusters, look.deadline, ask)
        merged: dict[str, list[Meaning]] = {}
        for _, part in gathered.parts:
            for name, meanings in part.items():
                merged[name] = list(dict.fromkeys([*merged.get(name, ()), *meanings]))
        return MetadataFound(merged, gathered.outcomes)

    async def _look(
        self, principal: Principal, within: Within, cluster_ids: Sequence[UUID] | None, timeout_s: float
    ) -> _Look:
        principal.require(Role.VIEWER)
        questions = [Question.of(match) for match in within.match]
        for question in questions:
            (selector, *others) = parse(question.text).selectors or (None,)
            if selector is None or others or selector.range_ms is not None or not question.plan.local:
                raise Invalid('`match` must be one selector, as in up{job="node"}.')
        deadline = deadline_of(timeout_s)
        members = await members_of(self._clusters, principal, cluster_ids)
        texts = {key: texts_for(member, questions) for key, member in members.items()}
        own_texts = {key: texts_for(Member(one.cluster, None), questions) for key, one in members.items()}
        concerned = {key: member for key, member in members.items() if texts[key] or not within.match}
        now_s = self._clock.now().timestamp()
        end_s = now_s if within.end_s is None else within.end_s
        start_s = end_s - _SERIES_BACK_S if within.start_s is None else within.start_s
        if start_s > end_s:
            raise Invalid("The end lies before the start.")
        return _Look(concerned, texts, own_texts, start_s, end_s, deadline)

    async def _own_labels(self, cluster: Cluster, texts: Sequence[str]) -> list[str]:
        if texts:
            return list({name for labels in await self._own_series(cluster, texts) for name in labels})
        async with self._transactions.begin() as tx:
            return await self._store.label_names(tx, [cluster.id])

    async def _own_values(self, cluster: Cluster, texts: Sequence[str], name: str) -> list[str]:
        if texts:
            return list({labels[name] for labels in await self._own_series(cluster, texts) if name in labels})
        async with self._transactions.begin() as tx:
            return await self._store.label_values(tx, [cluster.id], name)

    async def _own_series(self, cluster: Cluster, texts: Sequence[str]) -> list[Labels]:
        found: dict[frozenset[tuple[str, str]], Labels] = {}
        async with self._transactions.begin() as tx:
            for text in texts:
                for _, labels in await self._store.series(tx, [cluster.id], parse(text).selectors[0].matchers):
                    found[frozenset(labels.items())] = labels
        return list(found.values())


@dataclass(frozen=True)
class _Look:
    members: dict[str, Member]
    texts: dict[str, tuple[str, ...]]
    own_texts: dict[str, tuple[str, ...]]
    start_s: float
    end_s: float
    deadline: float

    @property
    def clusters(self) -> list[Cluster]:
        return [member.cluster for member in self.members.values()]

    def remote(self, texts: tuple[str, ...]) -> RemoteWithin:
        return RemoteWithin(texts, self.start_s, self.end_s)
