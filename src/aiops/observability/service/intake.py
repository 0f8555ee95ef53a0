"""Takes samples in: from sources that push, and from the hub's own collectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied, TooLarge
from aiops.kernel.principal import Principal, PrincipalKind
from aiops.observability.domain import fault_in_labels, fault_in_name
from aiops.observability.needs import Milliseconds, SampleColumns, SampleStore
from aiops.observability.ports import Labels, Sample
from aiops.observability.service.arrivals import SampleArrivals
from aiops.registry.ports import Clusters

MOST_BYTES = 10 * 1024 * 1024
_FUTURE_MS = 3_600_000
_DAY_MS = 86_400_000
_REPORTED_FAULTS = 100
_SEEN_EVERY_S = 5.0
_NO_LABELS = msgspec.Raw(b"{}")
_INDEX = re.compile(r"\$\.metrics\[(\d+)\]")


class PushedMetric(msgspec.Struct, forbid_unknown_fields=True):
    """One sample of a push; `timestamp` in Unix seconds, now where it is absent."""

    name: str
    value: float
    labels: msgspec.Raw = _NO_LABELS
    timestamp: float | None = None


class Push(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /api/metrics`."""

    metrics: list[PushedMetric]


class Intake:
    """`ports.SampleIntake`, and the push of sources."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: SampleStore,
        clusters: Clusters,
        arrivals: SampleArrivals,
        *,
        retention_days: int,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._arrivals = arrivals
        self._retention_ms = retention_days * _DAY_MS
        self._decoder = msgspec.json.Decoder(Push)
        self._labels = msgspec.json.Decoder(Labels)
        self._seen: dict[UUID, float] = {}

    async def append(self, principal: Principal, cluster_id: UUID, samples: Sequence[Sample]) -> int:
        if not principal.sees(cluster_id):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        if not samples:
            return 0
        async with self._transactions.begin() as tx:
            new: int = await self._store.append(tx, cluster_id, samples)
            await tx.commit()
        await self._announce(cluster_id, max(sample.timestamp for sample in samples))
        return new

    async def push(self, principal: Principal, body: bytes) -> int:
        """Take a JSON batch whole or refuse it whole; durable when this returns. Gives the number of samples."""
        cluster_id = _cluster_of(principal)
        metrics = self._decode(body)
        if not metrics:
            return 0
        now = self._clock.now()
        columns = self._columns(metrics, now)
        async with self._transactions.begin() as tx:
            await self._store.append_columns(tx, cluster_id, columns)
            await tx.commit()
        await self._announce(cluster_id, int(columns.timestamps.max()) / 1000)
        return len(metrics)

    def _decode(self, body: bytes) -> list[PushedMetric]:
        if len(body) > MOST_BYTES:
            raise TooLarge("A batch may have at most 10 MB: send smaller ones.")
        try:
            return self._decoder.decode(body).metrics
        except msgspec.ValidationError as error:
            index = _INDEX.search(str(error))
            raise _refused([_fault(int(index.group(1)) if index else None, str(error))]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(f"The body is not JSON: {error}") from None

    def _columns(self, metrics: list[PushedMetric], now: datetime) -> SampleColumns:
        now_s = now.timestamp()
        seconds = np.array([now_s if m.timestamp is None else m.timestamp for m in metrics], dtype=np.float64)
        if not self._in_time(seconds, now_s).all():
            raise _refused(self._faults(metrics, now_s))
        timestamps: Milliseconds = np.rint(seconds * 1000).astype(np.int64)

        def labels_of(place: int) -> Labels:
            # Asked for series that are new to this process only: the known ones have been checked before.
            metric = metrics[place]
            if fault_in_name(metric.name) is None and self._label_fault(metric) is None:
                return {"__name__": metric.name, **self._parsed(metric)}
            raise _refused(self._faults(metrics, now_s))

        return SampleColumns(
            [metric.name.encode() + b"\x00" + bytes(metric.labels) for metric in metrics],
            labels_of,
            timestamps,
            np.array([metric.value for metric in metrics], dtype=np.float64),
        )

    def _in_time(self, seconds: np.typing.NDArray[np.float64], now_s: float) -> np.typing.NDArray[np.bool_]:
        age_ms = (now_s - seconds) * 1000
        return (age_ms <= self._retention_ms) & (age_ms >= -_FUTURE_MS)

    def _faults(self, metrics: list[PushedMetric], now_s: float) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = []
        for index, metric in enumerate(metrics):
            reason = fault_in_name(metric.name) or self._label_fault(metric)
            if metric.timestamp is not None and not self._in_time(np.array([metric.timestamp]), now_s)[0]:
                reason = reason or "the timestamp is older than the retention or more than 1 h ahead"
            if reason:
                faults.append(_fault(index, reason))
        return faults

    def _label_fault(self, metric: PushedMetric) -> str | None:
        try:
            return fault_in_labels(self._parsed(metric))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "labels must be an object of strings"

    def _parsed(self, metric: PushedMetric) -> Labels:
        # Without empty values: to Prometheus they are the same as no label.
        return {name: value for name, value in self._labels.decode(metric.labels).items() if value}

    async def _announce(self, cluster_id: UUID, newest: float) -> None:
        self._arrivals.announce(cluster_id, newest)
        moment = self._clock.monotonic()
        if moment - self._seen.get(cluster_id, -_SEEN_EVERY_S) < _SEEN_EVERY_S:
            return
        self._seen[cluster_id] = moment
        at = min(datetime.fromtimestamp(newest, UTC), self._clock.now())
        await self._clusters.saw_samples(Principal.system("intake"), cluster_id, at)


def _cluster_of(principal: Principal) -> UUID:
    if principal.kind != PrincipalKind.SERVICE or principal.clusters is None or len(principal.clusters) != 1:
        raise PermissionDenied("Samples are pushed with the token of a source, which binds the cluster.")
    return next(iter(principal.clusters))


def _fault(index: int | None, reason: str) -> dict[str, Any]:
    return {"index": index, "message": reason}


def _refused(faults: list[dict[str, Any]]) -> Invalid:
    return Invalid(
        f"The batch was refused whole: {len(faults)} of its metrics can't be taken. First: {faults[0]['message']}.",
        details={"errors": faults[:_REPORTED_FAULTS], "count": len(faults)},
    )
