"""What log streams there are to ask for: the names of their labels and the values. Looked up once in five minutes."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, Role
from aiops.observability.logql import LogQuery, check_carved, selector_text
from aiops.observability.ports import ClusterOutcome
from aiops.observability.service.fanout import Part
from aiops.observability.service.logs import Asked, gather_answers, members_with
from aiops.observability.service.logs_remote import RemoteLogs
from aiops.observability.service.metrics.question import deadline_of
from aiops.registry.ports import Cluster, Clusters, EndpointKind, Target

TTL_S = 300.0
_MOST_KEPT = 2_000
_BACK_NS = 6 * 3_600 * 1_000_000_000
_CLUSTER = "cluster"
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_Key = tuple[str, ...]


class LogLabels(msgspec.Struct, frozen=True):
    labels: list[str]
    clusters: list[ClusterOutcome]
    without: list[str]


class LogLabelValues(msgspec.Struct, frozen=True):
    values: list[str]
    clusters: list[ClusterOutcome]
    without: list[str]


class Kept:
    """Answers by key, each for a while; the oldest go where there are too many."""

    def __init__(self, clock: Clock, ttl_s: float = TTL_S, most: int = _MOST_KEPT) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._most = most
        self._answers: OrderedDict[_Key, tuple[float, list[str]]] = OrderedDict()

    async def get(self, key: _Key, look_up: Callable[[], Awaitable[list[str]]]) -> Part[list[str]]:
        kept = self._answers.get(key)
        if kept is not None and (age := self._clock.monotonic() - kept[0]) < self._ttl_s:
            return Part(kept[1], age_s=age)
        found = await look_up()
        self._answers[key] = self._clock.monotonic(), found
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)
        return Part(found)


class LogNames:
    def __init__(self, clock: Clock, clusters: Clusters, remote: RemoteLogs) -> None:
        self._clock = clock
        self._clusters = clusters
        self._remote = remote
        self._kept = Kept(clock)

    async def labels(
        self,
        principal: Principal,
        *,
        selector: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LogLabels:
        """The names of labels of the last six hours, or of the time given; only of what the selector finds."""

        async def look_up(target: Target, text: str | None, between: tuple[int, int]) -> list[str]:
            if target.selector:
                streams = await self._remote.streams(target, text or "", *between, timeout_s)
                return sorted({name for labels in streams for name in labels})
            return sorted(await self._remote.labels(target, text, *between, timeout_s))

        parts, outcomes, without = await self._look(
            principal, None, selector, (start_ns, end_ns), cluster_ids, timeout_s, look_up
        )
        names = {name for part in parts for name in part}
        return LogLabels(sorted(names | {_CLUSTER} if names else names), outcomes, without)

    async def label_values(
        self,
        principal: Principal,
        name: str,
        *,
        selector: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LogLabelValues:
        """As `labels`; of `cluster`, the clusters that have a Loki."""
        if not _LABEL.fullmatch(name):
            raise Invalid(f"{name[:64]!r} is not the name of a label.")
        if name == _CLUSTER:
            principal.require(Role.VIEWER)
            asked = await self._members(principal, selector, cluster_ids)
            return LogLabelValues(sorted(one.name for one in asked.clusters), [], asked.without)

        async def look_up(target: Target, text: str | None, between: tuple[int, int]) -> list[str]:
            # An older Loki leaves the selector of these two endpoints out of account, and a share must not leak.
            if target.selector:
                streams = await self._remote.streams(target, text or "", *between, timeout_s)
                return sorted({labels[name] for labels in streams if name in labels})
            return sorted(await self._remote.label_values(target, name, text, *between, timeout_s))

        parts, outcomes, without = await self._look(
            principal, name, selector, (start_ns, end_ns), cluster_ids, timeout_s, look_up
        )
        return LogLabelValues(sorted({value for part in parts for value in part}), outcomes, without)

    async def _look(
        self,
        principal: Principal,
        name: str | None,
        selector: str | None,
        between: tuple[int | None, int | None],
        cluster_ids: Sequence[UUID] | None,
        timeout_s: float,
        look_up: Callable[[Target, str | None, tuple[int, int]], Awaitable[list[str]]],
    ) -> tuple[list[list[str]], list[ClusterOutcome], list[str]]:
        principal.require(Role.VIEWER)
        deadline = deadline_of(timeout_s)
        asked = await self._members(principal, selector, cluster_ids)
        exact = self._between(*between)

        async def ask(cluster: Cluster, target: Target) -> Part[list[str]]:
            text = _narrowed(selector, cluster.name, target)
            given = ["" if bound is None else str(bound) for bound in between]
            key = (str(cluster.id), target.url, name or "", text or "", *given)
            return await self._kept.get(key, lambda: look_up(target, text, exact))

        gathered = await gather_answers(asked, deadline, ask)
        return [part for _, part in gathered.parts], gathered.outcomes, asked.without

    async def _members(self, principal: Principal, selector: str | None, cluster_ids: Sequence[UUID] | None) -> Asked:
        concerns = _read(selector).concerns if selector else (lambda _: True)
        return await members_with(self._clusters, principal, EndpointKind.LOKI, cluster_ids, concerns)

    def _between(self, start_ns: int | None, end_ns: int | None) -> tuple[int, int]:
        end = end_ns if end_ns is not None else round(self._clock.now().timestamp()) * 1_000_000_000
        start = start_ns if start_ns is not None else end - _BACK_NS
        if start > end:
            raise Invalid("The end lies before the start.")
        return start, end


def _read(selector: str) -> LogQuery:
    read = LogQuery(selector)
    if not read.of_lines or len(read.selectors) != 1 or read.selectors[0].last != len(read.tokens) - 1:
        raise Invalid('`query` must be one stream selector here, as in {namespace="shop"}.')
    return read


def _narrowed(selector: str | None, cluster: str, target: Target) -> str | None:
    if selector is None:
        return selector_text(target.selector) if target.selector else None
    text = _read(selector).text_for(cluster, target.selector)
    check_carved(text, target.selector)
    return text
