"""What search by meaning requires: whoever turns texts into vectors, and a store of what patterns mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from aiops.intelligence.domain.log_patterns import LogPattern
from aiops.kernel.database import Transaction

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Texts of like meaning get vectors of small angle. It is the same for patterns and questions."""

    @property
    def name(self) -> str:
        """The model with all that its vectors depend on: those of different names can't be compared."""

    @property
    def local(self) -> bool:
        """Whether the texts stay in this process."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 a text; raises `Unavailable` where it can't be had now."""


@dataclass(frozen=True)
class Model:
    """The embedder that is at work, or why there is none."""

    embedder: Embedder | None
    why_none: str | None = None


@dataclass(frozen=True)
class Question:
    """`text` as it was asked, `explained` with what the glossary adds; `vector` and `model` where it is by meaning.

    `literal`: whether patterns with the very text come first. `without`: the text of the pattern that is asked from.
    """

    text: str
    explained: str
    vector: list[float] | None = None
    model: str | None = None
    literal: bool = True
    without: str | None = None


@dataclass(frozen=True)
class Least:
    """What scores less has nothing to do with the question."""

    by_meaning: float
    by_words: float


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One text of patterns, as the cluster knows it that saw it last; `clusters` counts those that have it.

    `score` 1 is the same, 0 nothing in common: the cosine where `by_meaning`, else the share of words or trigrams.
    """

    pattern: LogPattern
    clusters: int
    score: float
    by_meaning: bool


class MeaningStore(Protocol):
    """Meanings belong to texts, not to clusters: only patterns within the scope `clusters` are ever given."""

    async def unexplained(self, tx: Transaction, edition: str, limit: int) -> list[str]:
        """Texts of patterns whose words are missing, or are of another edition of the glossary."""

    async def explain(self, tx: Transaction, edition: str, explained: Mapping[str, str]) -> None:
        """Keep the words of texts."""

    async def unembedded(self, tx: Transaction, model: str, limit: int) -> list[str]:
        """Texts that are explained and have no vector of this model, the latest seen first."""

    async def embed(self, tx: Transaction, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of texts that are explained."""

    async def embedded(self, tx: Transaction, model: str) -> int:
        """How many texts have a vector of this model."""

    async def vector(self, tx: Transaction, model: str, text: str) -> list[float] | None: ...

    async def forget_unused(self, tx: Transaction) -> int:
        """Drop the meanings of texts that no pattern has any more; gives how many."""

    async def search(
        self,
        tx: Transaction,
        question: Question,
        clusters: Sequence[UUID] | None,
        cluster_id: UUID | None,
        least: Least,
        limit: int,
    ) -> list[Hit]:
        """The best first, none below `least`."""

    async def waiting(self, tx: Transaction, model: str, clusters: Sequence[UUID] | None) -> int:
        """How many texts of the scope have no vector of this model yet."""
