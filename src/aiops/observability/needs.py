"""What observability requires: a store of samples, a way to a remote Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from aiops.kernel.database import Transaction
from aiops.observability.ports import Floats, Labels, Sample

Milliseconds = npt.NDArray[np.int64]


class Matcher(msgspec.Struct, frozen=True):
    """A label matcher of PromQL: `op` is one of `=`, `!=`, `=~`, `!~`; an absent label is the empty string; a regular
    expression is RE2-like and anchored at both ends."""

    name: str
    op: str
    value: str


class StoredSeries(msgspec.Struct, frozen=True):
    """One series of one cluster: `timestamps` in Unix milliseconds, ascending and unique; `values` beside them."""

    cluster_id: UUID
    labels: Labels
    timestamps: Milliseconds
    values: Floats


class SampleColumns(msgspec.Struct, frozen=True):
    """Samples as columns: `keys[i]` is a sender's own spelling of a series (equal keys mean the same series), and
    `labels_of(i)` gives its labels; it is called only for a key that was not met before, and may raise `Invalid`."""

    keys: Sequence[bytes]
    labels_of: Callable[[int], Labels]
    timestamps: Milliseconds
    values: Floats


class SampleStore(Protocol):
    """Keeps samples per cluster and series. Of two samples at the same millisecond the one stored last counts."""

    async def append(self, tx: Transaction, cluster_id: UUID, samples: Sequence[Sample]) -> int:
        """Add samples; gives how many series are new. Raises `Rejected` past the cluster's bound on series."""

    async def select(
        self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher], start_ms: int, end_ms: int
    ) -> list[StoredSeries]:
        """Series with at least one sample in `[start_ms, end_ms]`, cut to it."""

    async def append_columns(self, tx: Transaction, cluster_id: UUID, columns: SampleColumns) -> int:
        """As `append`, for a batch that arrives as columns: known series cost one look-up each."""

    async def series(
        self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher]
    ) -> list[tuple[UUID, Labels]]:
        """The known series that match, with their cluster, whether or not they had samples lately."""

    async def label_names(self, tx: Transaction, cluster_ids: Sequence[UUID]) -> list[str]:
        """The names of labels that these clusters' series have, sorted."""

    async def label_values(self, tx: Transaction, cluster_ids: Sequence[UUID], name: str) -> list[str]:
        """The values of one label in these clusters, sorted."""

    async def latest_at(self, tx: Transaction, cluster_id: UUID) -> float | None:
        """Unix seconds of the cluster's newest sample, `None` where it has none."""

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        """Forget all series and samples of a cluster."""
