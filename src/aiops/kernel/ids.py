"""Identifiers: UUIDv7 (RFC 9562), so that the order of creation is the order of the index."""

from __future__ import annotations

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    return UUID(int=uuid_utils.uuid7().int)
