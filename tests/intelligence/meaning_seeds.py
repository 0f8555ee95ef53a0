"""Log patterns as the miner keeps them, and a model whose vectors are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from aiops.intelligence.domain.log_patterns import LogPattern, Rhythm
from aiops.intelligence.meaning.needs import Vectors
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.database import Database
from aiops.kernel.errors import Unavailable
from aiops.kernel.ids import new_id
from aiops.observability.ports import Severity

SEEN = datetime(2026, 1, 1, tzinfo=UTC)
FULL, LOGIN, DEADLOCK = "No space left on device <*>", "Failed password for <*>", "deadlock detected"


class ThemeModel:
    """Knows three themes, a dimension each; everything else is a fourth. Counts what it is asked."""

    local = True

    def __init__(self, name: str = "themes") -> None:
        self.name = name
        self.asked: list[str] = []
        self.broken = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.broken:
            raise Unavailable("It is out of order.")
        self.asked += texts
        themes = (("space", "full"), ("password", "sign-in"), ("deadlock", "wait"))
        rows = [[float(any(word in text for word in theme)) for theme in themes] for text in texts]
        found = np.array([[*row, 1.0 - max(row)] for row in rows], dtype=np.float32)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


async def keep_patterns(database: Database, cluster_id: UUID, *texts: str, age_s: float = 0) -> list[UUID]:
    """One pattern of the cluster for each text."""
    at = SEEN - timedelta(seconds=age_s)
    patterns = [
        LogPattern(
            id=new_id(),
            cluster_id=cluster_id,
            pattern=text,
            key=tuple(text.split()),
            shown=tuple(text.split()),
            severity=Severity.HIGH,
            failure_class=None,
            first_seen=at,
            last_seen=at,
            count=3,
            labels={},
            example=text,
            source="test",
            rhythm=Rhythm(),
            changed_at=at,
        )
        for text in texts
    ]
    async with database.begin() as tx:
        await SqlLogPatterns().save(tx, patterns)
        await tx.commit()
    return [one.id for one in patterns]
