"""The hub's own form, for anything that can post JSON: one change, or `{"changes": [...]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from aiops.intelligence.change_payloads.told import decoded
from aiops.intelligence.domain.changes import ToldChange


class _Several(msgspec.Struct, forbid_unknown_fields=True):
    changes: Annotated[list[ToldChange], msgspec.Meta(max_length=1_000)]


def read(headers: Mapping[str, str], body: bytes) -> list[ToldChange]:
    several = "changes" in decoded(body, dict[str, msgspec.Raw], "the hub's own form")
    if several:
        return decoded(body, _Several, "the hub's own form").changes
    return [decoded(body, ToldChange, "the hub's own form")]
