"""Learns in the background what patterns mean that are new, or whose model or glossary has changed."""

from __future__ import annotations

import structlog

from aiops.intelligence.meaning.explaining import edition, in_words
from aiops.intelligence.meaning.needs import MeaningStore, Model
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Unavailable

MOST_TEXTS = 50_000
"""Of more texts than these the latest have vectors; the others are found by words."""
BATCH = 64

_EVERY_S = 10.0
_LONGEST_PAUSE_S = 600.0
_FORGET_EVERY = 360
# A batch takes the local model most of a second; others shall have most of the machine.
_BETWEEN_BATCHES_S = 2.0
_EXPLAINED_AT_ONCE = 500

log = structlog.get_logger(__name__)


class MeaningJob:
    """All that it has done is in the database: after a restart it goes on with what is missing."""

    def __init__(self, transactions: Transactions, clock: Clock, store: MeaningStore, model: Model) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._model = model
        self._failing = False
        self._full = False

    async def run(self) -> None:
        pause, rounds = _EVERY_S, 0
        while True:
            await self._clock.sleep(pause)
            try:
                pause = _BETWEEN_BATCHES_S if await self.step() else _EVERY_S
            except Unavailable as error:
                if not self._failing:
                    log.warning("patterns_not_embedded", reason=error.message)
                self._failing = True
                pause = min(max(pause, _EVERY_S) * 2, _LONGEST_PAUSE_S)
            rounds += 1
            if rounds % _FORGET_EVERY == 0:
                await self._forget()

    async def step(self) -> bool:
        """Explain what is not, then embed one batch; whether there may be more. Raises `Unavailable`."""
        await self._explain()
        embedder = self._model.embedder
        if embedder is None:
            return False
        async with self._transactions.begin() as tx:
            room = MOST_TEXTS - await self._store.embedded(tx, embedder.name)
            texts = await self._store.unembedded(tx, embedder.name, min(BATCH, max(room, 0)))
        self._tell_full(room <= 0)
        if not texts:
            return False
        # Outside of a transaction, for it may take long.
        vectors = await embedder.embed(texts)
        async with self._transactions.begin() as tx:
            await self._store.embed(tx, embedder.name, dict(zip(texts, vectors.tolist(), strict=True)))
            await tx.commit()
        if self._failing:
            log.info("patterns_embedded_again", model=embedder.name)
        self._failing = False
        return len(texts) == BATCH

    async def _explain(self) -> None:
        while True:
            async with self._transactions.begin() as tx:
                texts = await self._store.unexplained(tx, edition(), _EXPLAINED_AT_ONCE)
                if not texts:
                    return
                await self._store.explain(tx, edition(), {one: in_words(one) for one in texts})
                await tx.commit()

    def _tell_full(self, full: bool) -> None:
        if full and not self._full:
            log.warning("pattern_texts_not_embedded", most=MOST_TEXTS)
        self._full = full

    async def _forget(self) -> None:
        async with self._transactions.begin() as tx:
            await self._store.forget_unused(tx)
            await tx.commit()
