"""GitHub: `deployment`, `deployment_status`, `push` to the default branch, and `workflow_run` of a workflow whose name
says that it deploys (docs.github.com, "Webhook events and payloads")."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from aiops.intelligence.change_payloads.told import decoded, moment, short
from aiops.intelligence.domain.changes import ChangeKind, Outcome, ToldChange

_DEPLOYS = re.compile(r"deploy|release|rollout|roll[- ]?back", re.IGNORECASE)
_ROLLBACK = re.compile(r"roll[- ]?back|revert", re.IGNORECASE)
_STATES = {
    "success": Outcome.SUCCEEDED,
    "failure": Outcome.FAILED,
    "error": Outcome.FAILED,
    "cancelled": Outcome.FAILED,
    "timed_out": Outcome.FAILED,
    "startup_failure": Outcome.FAILED,
    "pending": Outcome.UNDER_WAY,
    "queued": Outcome.UNDER_WAY,
    "in_progress": Outcome.UNDER_WAY,
}


class _Person(msgspec.Struct):
    login: str | None = None
    name: str | None = None


class _Repository(msgspec.Struct):
    name: str = ""
    full_name: str = ""
    html_url: str | None = None
    default_branch: str | None = None


class _Deployment(msgspec.Struct):
    id: int
    environment: str | None = None
    sha: str | None = None
    ref: str | None = None
    task: str | None = None
    description: str | None = None
    created_at: str | None = None
    creator: _Person | None = None


class _Status(msgspec.Struct):
    state: str = ""
    created_at: str | None = None
    updated_at: str | None = None
    log_url: str | None = None
    target_url: str | None = None


class _Commit(msgspec.Struct):
    id: str = ""
    message: str | None = None
    timestamp: str | None = None
    author: _Person | None = None


class _Run(msgspec.Struct):
    id: int
    name: str | None = None
    head_branch: str | None = None
    head_sha: str | None = None
    status: str | None = None
    conclusion: str | None = None
    html_url: str | None = None
    run_attempt: int = 1
    run_started_at: str | None = None
    updated_at: str | None = None
    actor: _Person | None = None


class _Hook(msgspec.Struct):
    repository: _Repository = msgspec.field(default_factory=_Repository)
    deployment: _Deployment | None = None
    deployment_status: _Status | None = None
    workflow_run: _Run | None = None
    ref: str | None = None
    before: str | None = None
    after: str | None = None
    compare: str | None = None
    head_commit: _Commit | None = None
    pusher: _Person | None = None


def read(headers: Mapping[str, str], body: bytes) -> list[ToldChange]:
    event = headers.get("x-github-event", "")
    if event not in ("deployment", "deployment_status", "push", "workflow_run"):
        return []
    hook = decoded(body, _Hook, "GitHub")
    told = {
        "deployment": _deployment,
        "deployment_status": _deployment,
        "push": _push,
        "workflow_run": _workflow,
    }[event](hook)
    return [] if told is None else [told]


def _deployment(hook: _Hook) -> ToldChange | None:
    """One change from its request to its end: all that is told of it has the deployment's id."""
    one, status = hook.deployment, hook.deployment_status
    if one is None or (status is not None and status.state == "inactive"):
        # Inactive only says that a later deployment took its place.
        return None
    back = _ROLLBACK.search(f"{one.task} {one.description}")
    version = one.ref or one.sha or ""
    began = moment(one.created_at)
    where = f" to {one.environment}" if one.environment else ""
    link = (status.log_url or status.target_url) if status is not None else None
    return ToldChange(
        kind=ChangeKind.ROLLBACK if back else ChangeKind.DEPLOYMENT,
        title=short(f"{hook.repository.full_name} {_version(version)}{where}"),
        at=began,
        told_at=moment(status.updated_at or status.created_at) if status is not None else began,
        key=short(f"deployment:{hook.repository.full_name}:{one.id}"),
        place=short(one.environment),
        service=short(hook.repository.name),
        version_to=short(version),
        author=short(one.creator.login if one.creator else None),
        url=short(link or hook.repository.html_url, 2048),
        outcome=_STATES.get(status.state) if status is not None else Outcome.UNDER_WAY,
        labels=_labels(hook, sha=one.sha),
    )


def _push(hook: _Hook) -> ToldChange | None:
    """To the default branch alone: what others work on has changed nothing yet."""
    commit = hook.head_commit
    if commit is None or not hook.ref or hook.ref != f"refs/heads/{hook.repository.default_branch}":
        return None
    subject = (commit.message or "").partition("\n")[0]
    back = subject.startswith("Revert ")
    return ToldChange(
        kind=ChangeKind.ROLLBACK if back else ChangeKind.CONFIG,
        title=short(f"{hook.repository.full_name}: {subject or hook.after}"),
        # When it was pushed is not told, and the commit may be older; so it is when the hub heard of it.
        at=None,
        key=short(f"push:{hook.repository.full_name}:{hook.ref}:{hook.after}"),
        service=short(hook.repository.name),
        version_from=short(hook.before),
        version_to=short(hook.after),
        author=short(hook.pusher.name if hook.pusher else None),
        url=short(hook.compare, 2048),
        outcome=Outcome.SUCCEEDED,
        labels=_labels(hook, sha=hook.after),
    )


def _workflow(hook: _Hook) -> ToldChange | None:
    run = hook.workflow_run
    if run is None or not _DEPLOYS.search(run.name or "") or run.conclusion == "skipped":
        return None
    back = _ROLLBACK.search(run.name or "")
    return ToldChange(
        kind=ChangeKind.ROLLBACK if back else ChangeKind.DEPLOYMENT,
        title=short(f"{hook.repository.full_name}: {run.name} of {run.head_branch or _version(run.head_sha or '')}"),
        at=moment(run.run_started_at),
        told_at=moment(run.updated_at),
        key=short(f"workflow_run:{hook.repository.full_name}:{run.id}:{run.run_attempt}"),
        service=short(hook.repository.name),
        version_to=short(run.head_sha),
        author=short(run.actor.login if run.actor else None),
        url=short(run.html_url, 2048),
        outcome=_STATES.get(run.conclusion or run.status or ""),
        labels=_labels(hook, sha=run.head_sha, workflow=run.name),
    )


def _labels(hook: _Hook, **more: str | None) -> dict[str, str]:
    found = {"repository": hook.repository.full_name, **more}
    return {name: short(value) for name, value in found.items() if value}


def _version(word: str) -> str:
    return word[:12] if re.fullmatch(r"[0-9a-f]{40}", word) else word
