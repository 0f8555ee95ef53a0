"""Search over log patterns: by meaning where a model is at work, else by words; the answer says which."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec

from aiops.intelligence.meaning.explaining import in_words
from aiops.intelligence.meaning.needs import Embedder, Hit, Least, MeaningStore, Model, Question
from aiops.intelligence.needs_patterns import LogPatternStore
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid, NotFound, Unavailable
from aiops.kernel.principal import Principal, Role

# Two patterns have more in common from the start than a pattern and a question.
_LEAST = Least(by_meaning=0.25, by_words=0.15)
_LEAST_ALIKE = Least(by_meaning=0.5, by_words=0.15)
_PATIENCE_S = 8.0


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is that of the search by meaning, `None` where it is by words, and `note` says why.

    `waiting` texts have no vector of it yet, and were looked at by words.
    """

    hits: list[Hit]
    model: str | None
    local: bool
    waiting: int
    note: str | None


class PatternSearch:
    def __init__(
        self, transactions: Transactions, patterns: LogPatternStore, meanings: MeaningStore, model: Model
    ) -> None:
        self._transactions = transactions
        self._patterns = patterns
        self._meanings = meanings
        self._model = model

    async def search(self, principal: Principal, text: str, cluster_id: UUID | None, limit: int) -> Found:
        """The patterns of the scope that are most like a question; raises `Invalid` where it has no words."""
        principal.require(Role.VIEWER)
        if not text.strip():
            raise Invalid("Say what to look for.")
        vector, note = await self._vector(text)
        question = Question(text.strip(), in_words(text), vector, self._name(vector))
        return await self._find(principal, question, cluster_id, limit, note)

    async def alike(self, principal: Principal, pattern_id: UUID, limit: int) -> Found:
        """The patterns of the scope that are most like this one; raises `NotFound`."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            pattern = await self._patterns.get(tx, pattern_id, _scope(principal))
            if pattern is None:
                raise NotFound("There is no such log pattern.")
            name = self._model.embedder.name if self._model.embedder else ""
            vector = await self._meanings.vector(tx, name, pattern.pattern)
        note = None
        if vector is None:
            vector, note = await self._vector(pattern.pattern)
        question = Question(
            pattern.pattern,
            in_words(pattern.pattern),
            vector,
            self._name(vector),
            literal=False,
            without=pattern.pattern,
        )
        return await self._find(principal, question, None, limit, note)

    async def _find(
        self, principal: Principal, question: Question, cluster_id: UUID | None, limit: int, note: str | None
    ) -> Found:
        by_meaning = question.model is not None
        scope = _scope(principal)
        async with self._transactions.begin() as tx:
            least = _LEAST if question.without is None else _LEAST_ALIKE
            hits = await self._meanings.search(tx, question, scope, cluster_id, least, limit)
            waiting = await self._meanings.waiting(tx, question.model, scope) if question.model else 0
        return Found(
            hits=hits, model=question.model, local=by_meaning and self._embedder.local, waiting=waiting, note=note
        )

    async def _vector(self, text: str) -> tuple[list[float] | None, str | None]:
        """The question's vector, or why there is none."""
        if self._model.embedder is None:
            return None, self._model.why_none
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return (await self._embedder.embed([text]))[0].tolist(), None
        except TimeoutError:
            return None, "The model did not answer in time."
        except Unavailable as error:
            return None, error.message

    def _name(self, vector: list[float] | None) -> str | None:
        return None if vector is None else self._embedder.name

    @property
    def _embedder(self) -> Embedder:
        assert self._model.embedder is not None
        return self._model.embedder


def _scope(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)
