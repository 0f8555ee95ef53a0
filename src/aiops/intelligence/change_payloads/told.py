"""What all payloads have in common: bodies that may lack anything, times in several spellings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from aiops.kernel.errors import Invalid

Body = TypeVar("Body")

_SPELLINGS = ("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S UTC")


def decoded(body: bytes, kind: type[Body], sender: str) -> Body:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"This is no webhook of {sender} that the hub can read: {error}") from None
    except RecursionError:
        raise Invalid(f"This is no webhook of {sender} that the hub can read: it is nested too deeply.") from None


def moment(word: str | None) -> datetime | None:
    """RFC 3339, or as GitLab writes it (`2021-04-28 21:50:00 +0200`); `None` for what is no time."""
    if not word:
        return None
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        for spelling in _SPELLINGS:
            try:
                found = datetime.strptime(word, spelling)  # noqa: DTZ007 (made aware below)
                break
            except ValueError:
                continue
        else:
            return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None


def short(word: str | None, length: int = 512) -> str:
    """A text of a payload as it can be kept."""
    return (word or "").replace("\x00", "").strip()[:length]
