"""Argo CD: the hub's own template for its notifications, which has no payload of its own (docs/changes.md has it)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aiops.intelligence.change_payloads.told import decoded, moment, short
from aiops.intelligence.domain.changes import ChangeKind, Outcome, ToldChange

_PHASES = {
    "Running": Outcome.UNDER_WAY,
    "Terminating": Outcome.UNDER_WAY,
    "Succeeded": Outcome.SUCCEEDED,
    "Failed": Outcome.FAILED,
    "Error": Outcome.FAILED,
}


class _Sync(msgspec.Struct):
    """As the template writes it: the application's fields by their own names."""

    app: str
    project: str | None = None
    namespace: str | None = None
    cluster: str | None = None
    server: str | None = None
    repo: str | None = None
    revision: str | None = None
    previous: str | None = None
    phase: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    author: str | None = None
    url: str | None = None
    message: str | None = None


def read(headers: Mapping[str, str], body: bytes) -> list[ToldChange]:
    sync = decoded(body, _Sync, "Argo CD")
    # Where a template's field has nothing to say, Go writes `<no value>`.
    place, revision, previous = (_said(word) for word in (sync.cluster or sync.server, sync.revision, sync.previous))
    began = moment(sync.started_at)
    return [
        ToldChange(
            # A sync to what it was before is no change of version, but of something.
            kind=ChangeKind.DEPLOYMENT if revision != previous else ChangeKind.CONFIG,
            title=short(f"{sync.app} synced to {revision[:12] or 'an unknown revision'}"),
            at=began,
            told_at=moment(sync.finished_at) or began,
            key=short(f"{sync.app}:{sync.started_at or revision}"),
            place=short(place),
            namespace=short(_said(sync.namespace)),
            service=short(sync.app),
            version_from=short(previous),
            version_to=short(revision),
            author=short(_said(sync.author)),
            url=short(_said(sync.url), 2048),
            outcome=_PHASES.get(sync.phase or ""),
            labels={
                name: short(value)
                for name, value in (("repository", _said(sync.repo)), ("project", _said(sync.project)))
                if value
            },
        )
    ]


def _said(word: str | None) -> str:
    return "" if word in (None, "<no value>", "<nil>") else str(word)
