"""What people wrote down to do when something fails, and how it is found for an incident."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from aiops.observability.ports import Labels

LONGEST = 100_000

Matchers = Annotated[list[Labels], msgspec.Meta(max_length=50)]


class RunbookDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is for what has all labels of one of its `matchers`; a value may end with `*`. `alertname` is a label here."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    markdown: Annotated[str, msgspec.Meta(max_length=LONGEST)]
    matchers: Matchers = []
    owner: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Runbook(msgspec.Struct, frozen=True, kw_only=True):
    """`markdown` is data: who shows it takes no HTML from it."""

    id: UUID
    title: str
    markdown: str
    matchers: list[Labels]
    owner: str
    changed_by: str
    changed_at: datetime


def fitting(runbooks: Sequence[Runbook], labels: Sequence[Labels]) -> list[Runbook]:
    """Those with a matcher that any of the labels meets, the closest matcher first."""
    found = [(max((_closeness(book, one) for one in labels), default=0), book) for book in runbooks]
    return [book for close, book in sorted(found, key=lambda pair: (-pair[0], pair[1].title)) if close]


def _closeness(book: Runbook, labels: Labels) -> int:
    met = [len(matcher) for matcher in book.matchers if matcher and _meets(matcher, labels)]
    return max(met, default=0)


def _meets(matcher: Labels, labels: Labels) -> bool:
    return all(_alike(labels.get(name, ""), wanted) for name, wanted in matcher.items())


def _alike(value: str, wanted: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
