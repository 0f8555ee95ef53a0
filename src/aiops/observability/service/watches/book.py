"""What people set about watches, as the evaluations need it: without a question to the database each time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.observability.needs import KeptWatch, WatchStore
from aiops.observability.ports import Watch

_FRESH_S = 5.0
_log = structlog.get_logger(__name__)


class WatchBook:
    """At most 5 s behind what is kept; another replica's change is seen so much later."""

    def __init__(self, transactions: Transactions, clock: Clock, store: WatchStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._kept: dict[str, KeptWatch] = {}
        self._read_at: float | None = None
        self._failing = False

    def turn(self) -> None:
        """Something was changed: read it anew the next time."""
        self._read_at = None

    async def kept(self) -> dict[str, KeptWatch]:
        """By name. Where the database does not answer, what was known last."""
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= _FRESH_S:
            try:
                async with self._transactions.begin() as tx:
                    self._kept = {one.name: one for one in await self._store.all(tx)}
                self._read_at, self._failing = now, False
            except Exception as error:
                if not self._failing:
                    _log.warning("kept_watches_unknown", error=str(error))
                self._failing = True
        return self._kept

    async def of(self, cluster_id: UUID, shipped: Iterable[Watch]) -> list[Watch]:
        """What is to be evaluated on a cluster: of these shipped ones, and people's own."""
        kept = await self.kept()
        chosen = [settled(watch, kept[watch.name]) if watch.name in kept else watch for watch in shipped]
        mine = [own_watch(one) for one in kept.values() if one.clusters is None or cluster_id in one.clusters]
        return [watch for watch in (*chosen, *mine) if watch is not None]


def settled(watch: Watch, kept: KeptWatch) -> Watch | None:
    """A shipped watch with what was set on it; `None` where it is switched off."""
    if not kept.enabled:
        return None
    return with_terms(watch, kept)


def with_terms(watch: Watch, kept: KeptWatch) -> Watch:
    return msgspec.structs.replace(watch, **_terms(kept))


def own_watch(kept: KeptWatch) -> Watch | None:
    """A user's own watch; `None` where it is switched off, or none of a user's."""
    if kept.query is None or not kept.enabled:
        return None
    return as_watch(kept)


def as_watch(kept: KeptWatch) -> Watch:
    assert kept.query is not None
    return Watch(
        name=kept.name,
        title=kept.title,
        query=kept.query,
        unit=kept.unit,
        worse=kept.worse,
        minimum=kept.minimum,
        subject_labels=(),
        **_terms(kept),
    )


_TERMS: Sequence[str] = ("sensitivity", "threshold", "silence_s", "learned")


def _terms(kept: KeptWatch) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in _TERMS}
