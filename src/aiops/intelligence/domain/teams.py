"""Teams, and which of what labels name they own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.observability.ports import Labels


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A team owns what has all labels of one of its `matchers`; a value may end with `*`. `members` are user names."""

    id: UUID
    name: str
    matchers: list[Labels]
    members: list[str]
    changed_by: str
    changed_at: datetime

    def owns(self, labels: Labels) -> bool:
        return any(_matches(matcher, labels) for matcher in self.matchers)


def owner_of(teams: Sequence[Team], labels: Sequence[Labels]) -> Team | None:
    """The team that owns most of them; the first by name where several do."""
    best: tuple[int, Team] | None = None
    for team in sorted(teams, key=lambda one: one.name):
        owned = sum(team.owns(one) for one in labels)
        if owned and (best is None or owned > best[0]):
            best = (owned, team)
    return best[1] if best else None


def _matches(matcher: Labels, labels: Labels) -> bool:
    return bool(matcher) and all(_alike(labels.get(name, ""), wanted) for name, wanted in matcher.items())


def _alike(value: str, wanted: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
