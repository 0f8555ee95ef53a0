"""What observability tells of maintenance: which things nobody is to be alarmed by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from aiops.kernel.database import Transaction
from aiops.observability.ports import Labels


class Maintained(Protocol):
    async def hidden_by(self, tx: Transaction, things: Sequence[tuple[UUID, Labels]]) -> list[tuple[str, ...]]:
        """For each thing, of a cluster and with these labels, the ids of the windows that hide it now; empty: none.

        Inside the caller's transaction, so that no second connection is waited for under its locks.
        """
