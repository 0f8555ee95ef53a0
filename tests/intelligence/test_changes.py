"""Changes: what senders say becomes one change each, kept once, and shown to those alone who may see it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from aiops.intelligence.bootstrap import seal_anew
from aiops.intelligence.domain.changes import ChangeFilter, ChangeKind, ChangeSourceKind, Outcome, ToldChange
from aiops.intelligence.service.change_sources import ChangeSources, NewChangeSource, box_of
from aiops.intelligence.service.changes import Changes
from aiops.intelligence.store.changes import SqlChanges, SqlChangeSources
from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied, Unauthenticated
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Role
from tests.observability.clusters import Fleet, Ways

KEY = b"k" * 32
AT = datetime(2026, 1, 1, 10, tzinfo=UTC)


class House:
    def __init__(self, database: Database, clock: VirtualClock) -> None:
        database.outbox = SqlOutbox(InMemoryBus(), [])
        self.database, self.clock = database, clock
        self.fleet = Fleet({"east": Ways(), "west": Ways()})
        self.ids = self.fleet.ids
        self.ann = self.fleet.user(Role.OPERATOR)
        self.changes = Changes(database, clock, SqlChanges(), self.fleet)
        self.sources = ChangeSources(database, clock, SqlChangeSources(), self.fleet, self.changes, box_of([KEY]))

    async def source(self, kind: ChangeSourceKind, **places: str) -> NewChangeSource:
        where = {place: self.ids[name] for place, name in places.items()}
        return await self.sources.create(self.ann, f"the {kind.value}", kind, self.ids["east"], where)

    async def send(self, made: NewChangeSource, body: Any, **headers: str) -> int:
        sent = msgspec.json.encode(body)
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if made.source.kind is ChangeSourceKind.GITHUB:
            signature = hmac.new(made.token.encode(), sent, hashlib.sha256).hexdigest()
            said = {"x-hub-signature-256": f"sha256={signature}", **said}
        elif made.source.kind is ChangeSourceKind.GITLAB:
            said = {"x-gitlab-token": made.token, **said}
        else:
            said = {"authorization": f"Bearer {made.token}", **said}
        return await self.sources.deliver(made.source.id, said, sent)

    async def all(self, *, limited: str | None = None) -> list[Any]:
        who = self.fleet.user(Role.VIEWER, *([limited] if limited else []))
        return (await self.changes.page(who, ChangeFilter(), 100, None))[0]

    async def stated(self) -> int:
        async with self.database.begin() as tx:
            rows = await tx.connection.execute(text("SELECT count(*) FROM kernel.outbox"))
            return int(rows.scalar_one())


@pytest.fixture
def house(database: Database) -> House:
    return House(database, VirtualClock(datetime(2026, 1, 1, 12, tzinfo=UTC)))


REPOSITORY = {"name": "shop", "full_name": "acme/shop", "html_url": "https://x/acme/shop", "default_branch": "main"}
DEPLOYMENT = {
    "id": 7, "environment": "production", "sha": "a" * 40, "ref": "v1.3", "task": "deploy", "description": None,
    "created_at": "2026-01-01T10:00:00Z", "creator": {"login": "bob"}, "payload": {},
}  # fmt: skip


async def test_a_github_deployment_is_one_change_from_its_request_to_its_end(house: House) -> None:
    made = await house.source(ChangeSourceKind.GITHUB, production="west")
    body = {"action": "created", "repository": REPOSITORY, "deployment": DEPLOYMENT}
    assert await house.send(made, body, x_github_event="deployment") == 1
    status = {"state": "failure", "created_at": "2026-01-01T10:05:00Z", "updated_at": "2026-01-01T10:05:00Z"}
    late = {"state": "in_progress", "created_at": "2026-01-01T10:01:00Z", "updated_at": "2026-01-01T10:01:00Z"}
    for one in (status, status, late):
        await house.send(made, {**body, "deployment_status": one}, x_github_event="deployment_status")
    (change,) = await house.all()
    assert (change.cluster_id, change.kind, change.outcome) == (
        house.ids["west"],
        ChangeKind.DEPLOYMENT,
        Outcome.FAILED,
    )
    assert (change.at, change.service, change.version_to, change.author) == (AT, "shop", "v1.3", "bob")
    assert change.title == "acme/shop v1.3 to production"
    # The request and its end: what was told again, and what came late, is no news.
    assert await house.stated() == 2
    _, original = await house.changes.get(house.ann, change.id)
    assert original is not None
    assert msgspec.json.decode(original)["deployment_status"]["state"] == "failure"


async def test_of_pushes_and_workflows_only_what_changes_something_counts(house: House) -> None:
    made = await house.source(ChangeSourceKind.GITHUB)
    commit = {"id": "b" * 40, "message": "Raise the limit\n\nmore", "timestamp": "2025-12-01T10:00:00Z"}
    push = {"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40, "head_commit": commit, "compare": "u"}
    hook = {"repository": REPOSITORY, "pusher": {"name": "bob"}}
    assert await house.send(made, {**hook, **push}, x_github_event="push") == 1
    assert await house.send(made, {**hook, **push, "ref": "refs/heads/try"}, x_github_event="push") == 0
    run = {
        "id": 5, "name": "Tests", "head_branch": "main", "head_sha": "b" * 40, "status": "completed",
        "conclusion": "success", "run_started_at": "2026-01-01T11:00:00Z", "updated_at": "2026-01-01T11:09:00Z",
    }  # fmt: skip
    assert await house.send(made, {**hook, "workflow_run": run}, x_github_event="workflow_run") == 0
    deploy = {**run, "id": 6, "name": "Deploy to production"}
    assert await house.send(made, {**hook, "workflow_run": deploy}, x_github_event="workflow_run") == 1
    assert await house.send(made, {"zen": "…"}, x_github_event="ping") == 0
    told = [(one.kind, one.at, one.title) for one in await house.all()]
    assert told == [
        # The commit is old; it took effect when it was pushed, of which the hub knows when it heard.
        (ChangeKind.CONFIG, house.clock.now(), "acme/shop: Raise the limit"),
        (ChangeKind.DEPLOYMENT, AT + timedelta(hours=1), "acme/shop: Deploy to production of main"),
    ]


async def test_a_deployment_of_gitlab_that_two_kinds_of_event_tell_of_is_one(house: House) -> None:
    made = await house.source(ChangeSourceKind.GITLAB, staging="west")
    project = {"name": "shop", "path_with_namespace": "acme/shop", "web_url": "https://gl/acme/shop"}
    deployment = {
        "object_kind": "deployment", "status": "running", "status_changed_at": "2026-01-01 12:00:00 +0200",
        "deployment_id": 15, "deployable_id": 796, "deployable_url": "https://gl/-/jobs/796", "environment": "staging",
        "project": project, "short_sha": "279484c0", "user": {"username": "eve"}, "ref": "main",
    }  # fmt: skip
    build = {"environment": {"name": "staging", "action": "start"}, "user": {"username": "eve"}, "status": "success"}
    jobs = [
        {**build, "id": 796, "started_at": "2026-01-01 10:00:00 UTC", "finished_at": "2026-01-01 10:02:00 UTC"},
        {"id": 795, "status": "success", "started_at": "2026-01-01 09:00:00 UTC", "environment": None},
    ]
    pipeline = {"id": 31, "ref": "main", "sha": "279484c0aa", "url": "https://gl/-/pipelines/31"}
    hook = {"object_kind": "pipeline", "object_attributes": pipeline, "project": project, "builds": jobs}
    assert (await house.send(made, deployment), await house.send(made, hook)) == (1, 1)
    (change,) = await house.all()
    assert (change.at, change.outcome, change.version_to) == (AT, Outcome.SUCCEEDED, "279484c0")
    assert (change.cluster_id, change.author) == (house.ids["west"], "eve")


async def test_argo_cds_template_tells_where_from_and_where_to(house: House) -> None:
    made = await house.source(ChangeSourceKind.ARGOCD, west_1="west")
    sync = {
        "app": "shop", "namespace": "shop-prod", "cluster": "west_1", "server": "<no value>", "revision": "b" * 40,
        "previous": "a" * 40, "phase": "Running", "started_at": "2026-01-01T10:00:00Z", "finished_at": "<no value>",
        "author": "<no value>",
    }  # fmt: skip
    await house.send(made, sync)
    await house.send(made, {**sync, "phase": "Succeeded", "finished_at": "2026-01-01T10:00:30Z"})
    (change,) = await house.all()
    assert (change.cluster_id, change.namespace, change.author) == (house.ids["west"], "shop-prod", "")
    assert (change.version_from, change.version_to, change.outcome) == ("a" * 40, "b" * 40, Outcome.SUCCEEDED)


async def test_without_the_right_signature_or_token_nothing_is_kept(house: House) -> None:
    hub, lab = await house.source(ChangeSourceKind.GITHUB), await house.source(ChangeSourceKind.GITLAB)
    body = {"repository": REPOSITORY, "deployment": DEPLOYMENT}
    for made, wrong in (
        (hub, {"x-hub-signature-256": "sha256=" + "0" * 64}),
        # A bad signature is not made good by a token beside it.
        (hub, {"x-hub-signature-256": "sha256=é", "authorization": f"Bearer {hub.token}"}),
        (lab, {"x-gitlab-token": hub.token}),
        (lab, {}),
        (lab, {"x-gitlab-token": ""}),
    ):
        with pytest.raises(Unauthenticated):
            said = {"x-github-event": "deployment", **wrong}
            await house.sources.deliver(made.source.id, said, msgspec.json.encode(body))
    with pytest.raises(Invalid):
        await house.send(lab, "no object")
    assert await house.all() == []


async def test_a_reader_of_one_cluster_sees_its_changes_alone(house: House) -> None:
    made = await house.source(ChangeSourceKind.GENERIC, west="west", east="east")
    told = [{"title": f"to {place}", "place": place, "key": place} for place in ("west", "east", "")]
    assert await house.send(made, {"changes": told}) == 3
    await house.changes.tell(house.ann, None, ToldChange(title="DNS moved", kind=ChangeKind.INFRASTRUCTURE))
    assert len(await house.all()) == 4
    (mine,) = await house.all(limited="west")
    assert mine.title == "to west"
    limited = house.fleet.user(Role.OPERATOR, "west")
    theirs = next(one for one in await house.all() if one.title == "to east")
    with pytest.raises(NotFound):
        await house.changes.get(limited, theirs.id)
    assert await house.sources.all(limited) == []
    with pytest.raises(NotFound):
        await house.sources.delete(limited, made.source.id)
    with pytest.raises(PermissionDenied):
        await house.changes.tell(limited, None, ToldChange(title="everywhere"))
    with pytest.raises(PermissionDenied):
        await house.changes.tell(house.fleet.user(Role.VIEWER), house.ids["west"], ToldChange(title="read only"))


async def test_recent_changes_are_those_of_the_clusters_and_those_that_nobody_placed(house: House) -> None:
    now = house.clock.now()
    for name, ago in (("west", 10), ("west", 300), ("east", 10), (None, 20)):
        told = ToldChange(title=f"{name} {ago}", at=now - timedelta(minutes=ago))
        await house.changes.tell(house.ann, house.ids[name] if name else None, told)
    span = (now - timedelta(hours=1), now)
    west = await house.changes.recent(house.ann, [house.ids["west"]], *span)
    assert [one.title for one in west] == ["west 10", "None 20"]
    limited = house.fleet.user(Role.VIEWER, "west")
    assert [one.title for one in await house.changes.recent(limited, None, *span)] == ["west 10"]


async def test_a_removed_cluster_takes_its_changes_and_its_places_along(house: House) -> None:
    made = await house.source(ChangeSourceKind.GENERIC, west="west")
    await house.send(made, {"changes": [{"title": "a", "place": "west"}, {"title": "b"}]})
    async with house.database.begin() as tx:
        await SqlChanges().delete_cluster(tx, house.ids["west"])
        await SqlChangeSources().forget_cluster(tx, house.ids["west"])
        await tx.commit()
    assert [one.title for one in await house.all()] == ["b"]
    assert (await house.sources.all(house.ann))[0].places == {}
    async with house.database.begin() as tx:
        await SqlChangeSources().forget_cluster(tx, house.ids["east"])
        await tx.commit()
    assert await house.sources.all(house.ann) == []


async def test_tokens_outlive_a_change_of_the_master_key(house: House) -> None:
    made = await house.source(ChangeSourceKind.GENERIC)
    assert await seal_anew(house.database, [b"n" * 32, KEY]) == (1, [])
    after = box_of([b"n" * 32])
    house.sources = ChangeSources(house.database, house.clock, SqlChangeSources(), house.fleet, house.changes, after)
    assert await house.send(made, {"title": "still heard"}) == 1


async def test_of_several_changes_told_at_once_each_keeps_its_own_part_alone(house: House) -> None:
    made = await house.source(ChangeSourceKind.GENERIC, staging="west")
    body = {"changes": [{"title": "the secret of west", "place": "staging"}, {"title": "one of east"}]}
    assert await house.send(made, body) == 2
    (mine,) = await house.all(limited="east")
    _, said = await house.changes.get(house.fleet.user(Role.VIEWER, "east"), mine.id)
    assert said is not None
    assert b"one of east" in said
    assert b"secret" not in said


async def test_a_body_nested_too_deeply_and_a_name_too_long_for_an_index_are_no_faults_of_the_hub(house: House) -> None:
    argo = await house.source(ChangeSourceKind.ARGOCD)
    deep = b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(Invalid, match="nested too deeply"):
        await house.sources.deliver(argo.source.id, {"authorization": f"Bearer {argo.token}"}, deep)
    github = await house.source(ChangeSourceKind.GITHUB)
    # What does not compress, as no two signs are the same.
    name = "".join(map(chr, range(0x4E00, 0x9000)))
    told = {"repository": {"full_name": name}, "deployment": {"id": 1}}
    assert await house.send(github, told, x_github_event="deployment") == 1


async def test_what_is_sent_twice_without_a_key_is_one_change(house: House) -> None:
    east, rollout = house.ids["east"], ToldChange(title="Rollout of shop", service="shop")
    first = await house.changes.tell(house.ann, east, rollout)
    await house.clock.advance(120)
    again = await house.changes.tell(house.ann, east, msgspec.structs.replace(rollout, outcome=Outcome.SUCCEEDED))
    assert (again.id, again.at, again.outcome) == (first.id, first.at, Outcome.SUCCEEDED)
    timed = msgspec.structs.replace(rollout, at=AT)
    assert (await house.changes.tell(house.ann, east, timed)).id == (
        await house.changes.tell(house.ann, east, timed)
    ).id
    await house.clock.advance(1200)
    assert (await house.changes.tell(house.ann, east, rollout)).id != first.id
    made = await house.source(ChangeSourceKind.GENERIC)
    for _ in range(2):
        await house.send(made, {"title": "Rollout of shop"})
    assert len(await house.all()) == 4
