"""What `aiops doctor` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `ok` is None where it could not be judged now."""

    name: str
    ok: bool | None
    detail: str
