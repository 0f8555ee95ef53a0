"""Lines of all clusters for the hub's own jobs, read on from where they left: implements `ports_signals.LogFeed`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid, TimedOut, Unavailable
from aiops.kernel.principal import Principal
from aiops.observability.needs import PolledLogs
from aiops.observability.ports import ClusterOutcome, QueryStatus
from aiops.observability.ports_signals import Direction, LogLine, LogOrigin, LogRead, LogRecord, Logs
from aiops.observability.service.logs import MAX_LINES, members_with
from aiops.observability.service.logs_labels import LogNames
from aiops.registry.ports import Clusters, EndpointKind

LOKI = "loki"
# A line is found only seconds after it was sent.
_SETTLES = timedelta(seconds=10)
_AT_FIRST = timedelta(minutes=5)
# Further behind than this, the rest up to now is left out.
_MOST_BEHIND = timedelta(minutes=2)
_READ_FROM = timedelta(seconds=30)
_TIMEOUT_S = 20.0
# Loki wants a label that a stream has. These are common; streams without the first are asked for by the next.
_COMMON = ("service_name", "namespace", "k8s_namespace_name", "job", "app", "container", "host", "instance", "filename")
_MOST_QUERIES = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LogReader:
    def __init__(
        self, clock: Clock, clusters: Clusters, logs: Logs, names: LogNames, local: Mapping[str, PolledLogs]
    ) -> None:
        self._clock = clock
        self._clusters = clusters
        self._logs = logs
        self._names = names
        self._local = local

    async def origins(self, principal: Principal) -> list[LogOrigin]:
        asked = await members_with(self._clusters, principal, EndpointKind.LOKI, None)
        found = [LogOrigin(one.id, one.name, LOKI) for one in asked.clusters]
        me = await self._clusters.local(principal)
        if me is not None:
            found += [LogOrigin(me.id, me.name, name) for name, one in self._local.items() if one.available()]
        return found

    async def read(self, principal: Principal, origin: LogOrigin, position: str | None, limit: int) -> LogRead:
        if origin.source == LOKI:
            return await self._read_loki(principal, origin, position, min(limit, MAX_LINES))
        source = self._local.get(origin.source)
        if source is None:
            raise Invalid(f"There is no log source {origin.source}.")
        try:
            return await source.read(position, limit, self._clock.now())
        except TimeoutError:
            raise TimedOut(f"{origin.source} did not answer in time.") from None
        except OSError as error:
            raise Unavailable(f"{origin.source} can't be read: {error.strerror or error}.") from error

    async def _read_loki(self, principal: Principal, origin: LogOrigin, position: str | None, limit: int) -> LogRead:
        end = _ns(self._clock.now() - _SETTLES)
        start = int(position) if position and position.isdecimal() else end - _ns(_EPOCH + _AT_FIRST)
        skipped = 0.0
        if position and end - start > _ns(_EPOCH + _MOST_BEHIND):
            fresh = end - _ns(_EPOCH + _READ_FROM)
            start, skipped = fresh, (fresh - start) / 1e9
        if end <= start:
            return LogRead([], str(start), _moment(start), skipped)
        lines: list[tuple[int, LogLine]] = []
        for query in await self._queries(principal, origin):
            found, cut = await self._lines(principal, origin, query, (start, end), limit)
            end = min(end, cut)
            lines += found
        lines = sorted((one for one in lines if one[0] < end), key=lambda one: one[0])
        if len(lines) > limit:
            # Of what was written at the same moment, all or none: the next read begins behind it.
            end = lines[limit][0] if lines[limit][0] > start else lines[limit][0] + 1
            lines = [one for one in lines if one[0] < end]
        records = [LogRecord(_moment(at), line.line, line.labels, line.level) for at, line in lines]
        return LogRead(records, str(end), _moment(end), skipped)

    async def _lines(
        self, principal: Principal, origin: LogOrigin, query: str, between: tuple[int, int], limit: int
    ) -> tuple[list[tuple[int, LogLine]], int]:
        """Lines with their time, and up to when they are all that there are."""
        start, end = between
        answer = await self._logs.query_range(
            principal,
            query,
            start_ns=start,
            end_ns=end,
            limit=limit,
            direction=Direction.FORWARD,
            cluster_ids=[origin.cluster_id],
            timeout_s=_TIMEOUT_S,
        )
        for outcome in answer.clusters:
            _check(outcome)
        lines = [(_ns_of(line.timestamp), line) for line in answer.lines]
        if not answer.more or not lines:
            return lines, end
        last = lines[-1][0]
        # More may have been written at the very moment of the last line; where all were, they are all there will be.
        return lines, last if last > lines[0][0] else last + 1

    async def _queries(self, principal: Principal, origin: LogOrigin) -> list[str]:
        found = await self._names.labels(principal, cluster_ids=[origin.cluster_id], timeout_s=_TIMEOUT_S)
        for outcome in found.clusters:
            _check(outcome)
        there = [name for name in found.labels if name != "cluster" and not name.startswith("__")]
        chosen = [name for name in _COMMON if name in there][:_MOST_QUERIES] or there[:1]
        return [
            "{" + ",".join([*(f'{before}=""' for before in chosen[:place]), f'{name}=~".+"']) + "}"
            for place, name in enumerate(chosen)
        ]


def _check(outcome: ClusterOutcome) -> None:
    if outcome.status is QueryStatus.TIMEOUT:
        raise TimedOut(outcome.error or "Its Loki did not answer in time.")
    if outcome.status is QueryStatus.ERROR:
        raise Unavailable(outcome.error or "Its Loki did not answer.")


def _ns(at: datetime) -> int:
    return round((at - _EPOCH).total_seconds() * 1e6) * 1_000


def _ns_of(timestamp: str) -> int:
    """Of RFC 3339 in UTC with nine digits."""
    return _ns(datetime.fromisoformat(timestamp[:19] + "+00:00")) + int(timestamp[20:29])


def _moment(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1000)
