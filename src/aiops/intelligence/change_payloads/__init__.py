"""What each sender's webhook says of changes: one file a sender, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiops.intelligence.change_payloads import argocd, generic, github, gitlab
from aiops.intelligence.domain.changes import ChangeSourceKind, ToldChange

Read = Callable[[Mapping[str, str], bytes], list[ToldChange]]

READERS: dict[ChangeSourceKind, Read] = {
    ChangeSourceKind.GITHUB: github.read,
    ChangeSourceKind.GITLAB: gitlab.read,
    ChangeSourceKind.ARGOCD: argocd.read,
    ChangeSourceKind.GENERIC: generic.read,
}
"""Each takes the headers (names in lower case) and the body; what tells of no change gives none. Raises `Invalid`."""
