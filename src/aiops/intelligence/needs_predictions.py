"""What predictions require: a store. The rest of `needs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from aiops.intelligence.domain.predictions import Check, Prediction, PredictionFilter, Score, Survey
from aiops.kernel.database import Transaction


class PredictionStore(Protocol):
    """`clusters` is the reader's scope, `None` for all."""

    async def of(self, tx: Transaction, cluster_id: UUID, target: str) -> list[Prediction]:
        """Those that stand, without history and path."""

    async def put(self, tx: Transaction, predictions: Sequence[Prediction]) -> None:
        """Add or replace, by cluster, target and labels."""

    async def drop(self, tx: Transaction, ids: Sequence[UUID]) -> None: ...

    async def page(
        self, tx: Transaction, wanted: PredictionFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[Prediction], int]:
        """The most urgent first, refused ones last, from behind the one named `after`; and how many there are."""

    async def get(self, tx: Transaction, prediction_id: UUID, clusters: Sequence[UUID] | None) -> Prediction | None: ...

    async def survey(self, tx: Transaction, survey: Survey) -> None:
        """In place of that of the round before."""

    async def surveys(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Survey]: ...

    async def targets(self, tx: Transaction, cluster_id: UUID, before: datetime) -> list[str]:
        """Those that were looked at there, for the last time before that moment."""

    async def add_checks(self, tx: Transaction, checks: Sequence[Check]) -> None: ...

    async def due(self, tx: Transaction, cluster_id: UUID, target: str, now: datetime) -> list[Check]:
        """Checks whose moment has come, and that nothing was held against yet."""

    async def last_check(self, tx: Transaction, cluster_id: UUID, target: str) -> dict[float, datetime]:
        """When the latest was made, by lead."""

    async def settle(self, tx: Transaction, actual: Sequence[tuple[UUID, float]], lost: Sequence[UUID]) -> None:
        """What came, by check; those of which nothing will ever be known go."""

    async def scores(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Score]: ...

    async def forget_target(self, tx: Transaction, cluster_id: UUID, target: str | None) -> None:
        """Drop all of a target on a cluster, or of the whole cluster."""

    async def forget(self, tx: Transaction, before: datetime) -> int:
        """Drop checks that were due before then."""
