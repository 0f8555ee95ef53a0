"""Who reads live, as those see it who make an event only while somebody looks."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID


class LiveInterest(Protocol):
    def clusters_for(self, event_type: str) -> frozenset[UUID] | None:
        """The clusters of which somebody reads this type now: none of them where it is empty, `None` is all.

        Only those count who named the type; whoever reads everything is told what others made worth the while.
        """
