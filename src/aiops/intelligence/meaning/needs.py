"""What search by meaning requires of whoever turns texts into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

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
