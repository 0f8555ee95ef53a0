"""GitLab: deployment events, and pipeline events whose jobs deploy to an environment (docs.gitlab.com, "Webhook
events")."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aiops.intelligence.change_payloads.told import decoded, moment, short
from aiops.intelligence.domain.changes import ChangeKind, Outcome, ToldChange

_STATES = {
    "created": Outcome.UNDER_WAY,
    "pending": Outcome.UNDER_WAY,
    "running": Outcome.UNDER_WAY,
    "success": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    "canceled": Outcome.FAILED,
}


class _Project(msgspec.Struct):
    name: str | None = None
    path_with_namespace: str | None = None
    web_url: str | None = None


class _User(msgspec.Struct):
    username: str | None = None
    name: str | None = None


class _Environment(msgspec.Struct):
    name: str | None = None
    action: str | None = None


class _Job(msgspec.Struct):
    id: int
    name: str | None = None
    status: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    created_at: str | None = None
    environment: _Environment | None = None
    user: _User | None = None


class _Pipeline(msgspec.Struct):
    id: int | None = None
    ref: str | None = None
    sha: str | None = None
    url: str | None = None


class _Hook(msgspec.Struct):
    object_kind: str = ""
    project: _Project = msgspec.field(default_factory=_Project)
    user: _User | None = None
    status: str = ""
    status_changed_at: str | None = None
    deployment_id: int | None = None
    deployable_id: int | None = None
    deployable_url: str | None = None
    environment: str | None = None
    environment_tier: str | None = None
    short_sha: str | None = None
    ref: str | None = None
    commit_title: str | None = None
    object_attributes: _Pipeline = msgspec.field(default_factory=_Pipeline)
    builds: list[_Job] = []


def read(headers: Mapping[str, str], body: bytes) -> list[ToldChange]:
    hook = decoded(body, _Hook, "GitLab")
    if hook.object_kind == "deployment":
        return [_deployment(hook)]
    if hook.object_kind == "pipeline":
        deploys = [job for job in hook.builds if job.environment is not None and job.environment.action == "start"]
        return [_job(hook, job) for job in deploys if job.status in _STATES and (job.started_at or job.finished_at)]
    return []


def _deployment(hook: _Hook) -> ToldChange:
    told = moment(hook.status_changed_at)
    where = f" to {hook.environment}" if hook.environment else ""
    return ToldChange(
        kind=ChangeKind.DEPLOYMENT,
        title=short(f"{hook.project.path_with_namespace or 'A project'} {hook.ref or hook.short_sha or ''}{where}"),
        at=told,
        told_at=told,
        # The job is what pipeline events name too: told both ways, it is one change.
        key=_key(hook, hook.deployable_id, f"deployment:{hook.deployment_id}"),
        place=short(hook.environment),
        service=short(hook.project.name),
        version_to=short(hook.short_sha or hook.ref),
        author=short(hook.user.username if hook.user else None),
        url=short(hook.deployable_url, 2048),
        outcome=_STATES.get(hook.status),
        labels=_labels(hook, ref=hook.ref, environment_tier=hook.environment_tier, commit=hook.commit_title),
    )


def _job(hook: _Hook, job: _Job) -> ToldChange:
    where = (job.environment.name if job.environment else None) or ""
    pipeline, who = hook.object_attributes, job.user or hook.user
    return ToldChange(
        kind=ChangeKind.DEPLOYMENT,
        title=short(f"{hook.project.path_with_namespace or 'A project'} {pipeline.ref or ''} to {where}"),
        at=moment(job.started_at),
        told_at=moment(job.finished_at) or moment(job.started_at),
        key=_key(hook, job.id, ""),
        place=short(where),
        service=short(hook.project.name),
        version_to=short((pipeline.sha or "")[:8]),
        author=short(who.username if who else None),
        url=short(pipeline.url or hook.project.web_url, 2048),
        outcome=_STATES.get(job.status),
        labels=_labels(hook, ref=pipeline.ref, job=job.name),
    )


def _key(hook: _Hook, job_id: int | None, otherwise: str) -> str:
    return short(f"{hook.project.path_with_namespace}:{otherwise if job_id is None else f'job:{job_id}'}")


def _labels(hook: _Hook, **more: str | None) -> dict[str, str]:
    found = {"project": hook.project.path_with_namespace, **more}
    return {name: short(value) for name, value in found.items() if value}
