"""How values go into SQL."""

from __future__ import annotations

from uuid import UUID

import msgspec

from aiops.registry.needs import Scope

IN_SCOPE = "(CAST(:scope AS uuid[]) IS NULL OR id = ANY(CAST(:scope AS uuid[])))"


def scope_value(scope: Scope) -> list[UUID] | None:
    return None if scope is None else list(scope)


def json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()
