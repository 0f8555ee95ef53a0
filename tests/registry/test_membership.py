from __future__ import annotations

import base64
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.principal import Principal, Role
from aiops.kernel.secrets import SecretBox
from aiops.registry.endpoints import UrlRules
from aiops.registry.ports import CredentialKind, EndpointKind, Platform, State
from aiops.registry.service import ClusterChange, Fleet, Membership, NewCluster
from aiops.registry.service.records import Records
from aiops.registry.store import SqlClusterStore
from aiops.registry.vault import Vault
from tests.registry.rig import ADMIN, KEY, Rig, person, rig_on

SECRET = "s3cret-t0ken-of-the-cluster"


def change(**values: object) -> ClusterChange:
    return msgspec.convert(values, ClusterChange)


async def test_a_url_is_enough_to_add_a_cluster(rig: Rig) -> None:
    added = await rig.add("prod-1", "https://prometheus.example.com/")

    found = await rig.fleet.by_name(ADMIN, "prod-1")
    assert found == added == await rig.fleet.get(ADMIN, added.id)
    assert found.display_name == "prod-1"
    assert found.prometheus_url == "https://prometheus.example.com"
    assert found.status.state is State.PROVISIONING
    assert found.status.health_score is None
    assert await rig.events() == [("CLUSTER_REGISTERED", "")]


async def test_a_taken_name_is_a_conflict_that_names_it(rig: Rig) -> None:
    await rig.add("prod-1")
    second = await rig.add("prod-2")
    with pytest.raises(Conflict, match="prod-1"):
        await rig.add("prod-1")
    with pytest.raises(Conflict, match="prod-1"):
        await rig.membership.change(ADMIN, second.id, change(name="prod-1"))


@pytest.mark.parametrize("name", ["ab", "-abc", "abc-", "Abc", "a_b_c", "a" * 64, ""])
async def test_a_name_outside_the_pattern_is_refused(rig: Rig, name: str) -> None:
    with pytest.raises(Invalid, match="3 to 63"):
        await rig.add(name)


async def test_credentials_are_unreadable_in_the_table_and_absent_from_every_reply(rig: Rig) -> None:
    added = await rig.add("bearer-1", bearer_token=SECRET)
    basic = await rig.add("basic-1", username="scraper", password=SECRET)

    async with rig.database.begin() as tx:
        rows = await tx.connection.execute(text("SELECT clusters::text, secrets FROM registry.clusters"))
        kept = [(row[0], bytes(row[1])) for row in rows]
    assert all(SECRET not in whole and SECRET.encode() not in sealed for whole, sealed in kept)
    assert all(SECRET.encode().hex() not in whole for whole, _ in kept)
    assert SECRET not in repr(await rig.fleet.visible(ADMIN))
    assert added.credential_kind is CredentialKind.BEARER

    target = await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, added.id)
    assert target is not None
    assert target.headers == {"Authorization": f"Bearer {SECRET}"}
    target = await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, basic.id)
    assert target is not None
    assert base64.b64decode(target.headers["Authorization"].removeprefix("Basic ")).decode() == f"scraper:{SECRET}"


async def test_the_ways_to_many_clusters_come_at_once_and_a_lost_key_closes_only_its_own(rig: Rig) -> None:
    sealed = await rig.add("bearer-1", bearer_token=SECRET)
    plain = await rig.add("plain-1")
    host = await rig.membership.add(ADMIN, NewCluster(name="host-1", platform=Platform.HOST))
    found = await rig.fleet.targets(ADMIN, EndpointKind.PROMETHEUS, [host.id, sealed.id, plain.id, sealed.id])
    assert [member.cluster.name for member in found] == ["host-1", "bearer-1", "plain-1"]
    assert [member.target for member in found] == [
        await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, member.cluster.id) for member in found
    ]

    other_key = Fleet(rig.database, rig.clock, SqlClusterStore(), Vault(SecretBox(bytes(32))))
    found = await other_key.targets(ADMIN, EndpointKind.PROMETHEUS)
    assert [(member.target is None, member.problem is None) for member in found] == [
        (True, False),
        (True, True),
        (False, True),
    ]


async def test_a_secret_does_not_follow_its_cluster_to_another_host_unless_given_again(rig: Rig) -> None:
    added = await rig.add("prod-1", "https://old.example.com", bearer_token=SECRET)
    with pytest.raises(Invalid, match="give them again"):
        await rig.membership.change(ADMIN, added.id, change(prometheus_url="https://new.example.com"))

    await rig.membership.change(ADMIN, added.id, change(prometheus_url="https://old.example.com/prometheus"))
    dropped = await rig.membership.change(
        ADMIN, added.id, change(prometheus_url="https://new.example.com", bearer_token=None)
    )
    assert dropped.credential_kind is CredentialKind.NONE
    target = await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, added.id)
    assert target is not None
    assert target.headers == {}


@pytest.mark.parametrize(
    "given",
    [
        {"bearer_token": "a", "username": "b", "password": "c"},
        {"username": "b"},
        {"password": "c"},
        {"bearer_token": "two\nlines"},
        {"bearer_token": ""},
        {"username": "a:b", "password": "c"},
    ],
)
async def test_credentials_that_make_no_sense_are_refused(rig: Rig, given: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        await rig.add("prod-1", **given)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "Give the URL"),
        ("prometheus:9090", "start with http"),
        ("ftp://prometheus", "start with http"),
        ("http://", "names no host"),
        ("http://me:pass@prometheus", "user name and password out"),
        ("http://prometheus/#graph", "from the #"),
        ("http://prometheus/?x=1", "from the \\?"),
        ("http://prometheus/api/v1/query", "without /api/v1"),
        ("http://prometheus:99999", "not a URL"),
        ("http://a b", "space"),
        ("http://169.254.169.254/latest", "link-local"),
        ("http://[fe80::1]:9090", "link-local"),
        ("http://[::ffff:169.254.169.254]", "link-local"),
        ("http://0.0.0.0:9090", "no address"),
        ("http://224.0.0.1", "multicast"),
    ],
)
async def test_a_url_that_can_not_be_is_refused_with_advice(rig: Rig, url: str, advice: str) -> None:
    with pytest.raises(Invalid, match=advice):
        await rig.add("prod-1", url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
async def test_addresses_of_this_machine_can_be_forbidden(database: Database, clock: VirtualClock, host: str) -> None:
    async with rig_on(database, clock, allow_loopback=False) as rig:
        with pytest.raises(Invalid, match="AIOPS_ALLOW_LOCAL_TARGETS"):
            await rig.add("prod-1", f"http://{host}:9090")


async def test_a_host_needs_no_prometheus_and_takes_none(rig: Rig) -> None:
    host = await rig.membership.add(ADMIN, msgspec.convert({"name": "host-1", "platform": "HOST"}, NewCluster))
    assert await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, host.id) is None
    with pytest.raises(Invalid, match="HOST"):
        await rig.add("host-2", platform="HOST")
    with pytest.raises(Invalid, match="HOST"):
        await rig.membership.change(ADMIN, host.id, change(prometheus_url="http://example.com"))


async def test_a_change_keeps_what_it_does_not_name(rig: Rig) -> None:
    added = await rig.add("prod-1", region="eu", labels={"team": "a"}, bearer_token=SECRET)
    changed = await rig.membership.change(ADMIN, added.id, change(display_name="Production", region=None))
    assert (changed.display_name, changed.region, changed.labels) == ("Production", None, {"team": "a"})
    assert changed.credential_kind is CredentialKind.BEARER
    assert await rig.fleet.get(ADMIN, added.id) == changed
    assert [event for event, _ in await rig.events()] == ["CLUSTER_REGISTERED", "CLUSTER_UPDATED"]


async def test_a_removed_cluster_is_gone(rig: Rig) -> None:
    added = await rig.add("prod-1")
    await rig.membership.remove(ADMIN, added.id)
    with pytest.raises(NotFound) as caught:
        await rig.fleet.get(ADMIN, added.id)
    assert caught.value.code == "CLUSTER_NOT_FOUND"
    assert [event for event, _ in await rig.events()] == ["CLUSTER_REGISTERED", "CLUSTER_DELETED"]


async def test_roles_are_enforced(rig: Rig) -> None:
    added = await rig.add("prod-1")
    viewer, operator = person(Role.VIEWER, whole=True), person(Role.OPERATOR, whole=True)
    with pytest.raises(PermissionDenied):
        await rig.membership.add(operator, NewCluster(name="prod-2", prometheus_url="http://a"))
    with pytest.raises(PermissionDenied):
        await rig.membership.remove(operator, added.id)
    for admins_only in (change(bearer_token="t"), change(prometheus_url="http://b"), change(name="other")):
        with pytest.raises(PermissionDenied):
            await rig.membership.change(operator, added.id, admins_only)
    await rig.membership.change(operator, added.id, change(region="eu"))
    with pytest.raises(PermissionDenied):
        await rig.membership.change(viewer, added.id, change(region="us"))
    with pytest.raises(PermissionDenied):
        await rig.probing.refresh(viewer, added.id)


async def test_whoever_is_limited_to_some_clusters_adds_none_and_meets_no_other(rig: Rig) -> None:
    mine, other = await rig.add("mine-1"), await rig.add("other-1")
    scoped = person(Role.ADMIN, mine.id)
    with pytest.raises(PermissionDenied):
        await rig.membership.add(scoped, NewCluster(name="new-1", prometheus_url="http://a"))
    with pytest.raises(PermissionDenied):
        await rig.membership.change(scoped, mine.id, change(name="other-1"))

    refusals = []
    for stranger in (other.id, uuid4()):
        for attempt in (
            rig.fleet.get(scoped, stranger),
            rig.fleet.target(scoped, EndpointKind.PROMETHEUS, stranger),
            rig.fleet.targets(scoped, EndpointKind.PROMETHEUS, [mine.id, stranger]),
            rig.fleet.history(scoped, stranger, start=None, end=None, page_size=20, cursor=None),
            rig.membership.change(scoped, stranger, change(region="eu")),
            rig.membership.remove(scoped, stranger),
            rig.probing.refresh(scoped, stranger),
        ):
            with pytest.raises(NotFound) as caught:
                await attempt
            refusals.append(caught.value.message.replace(str(stranger), "…"))
    assert len(set(refusals)) == 1
    with pytest.raises(NotFound):
        await rig.fleet.by_name(scoped, "other-1")
    assert [cluster.name for cluster in await rig.fleet.visible(scoped)] == ["mine-1"]
    assert [member.cluster.name for member in await rig.fleet.targets(scoped, EndpointKind.PROMETHEUS)] == ["mine-1"]


async def test_what_is_remembered_of_clusters_follows_every_change_and_every_scope(rig: Rig) -> None:
    one, two = await rig.add("one-1"), await rig.add("two-2", bearer_token=SECRET)
    scoped = person(Role.VIEWER, one.id)

    async def seen(principal: Principal) -> list[tuple[str, str | None, str | None]]:
        members = await rig.fleet.targets(principal, EndpointKind.PROMETHEUS)
        return [(m.cluster.name, m.cluster.region, m.target.url if m.target else None) for m in members]

    before = [("one-1", None, "http://127.0.0.1:1"), ("two-2", None, "http://127.0.0.1:1")]
    assert await seen(ADMIN) == before
    assert await seen(scoped) == before[:1]
    await rig.membership.change(ADMIN, one.id, change(region="eu"))
    await rig.membership.change(
        ADMIN, two.id, change(name="again-2", prometheus_url="http://127.0.0.1:2", bearer_token=None)
    )
    after = [("again-2", None, "http://127.0.0.1:2"), ("one-1", "eu", "http://127.0.0.1:1")]
    assert await seen(ADMIN) == after
    assert await seen(scoped) == after[1:]
    await rig.probing.refresh(ADMIN, one.id)
    (known,) = await rig.fleet.visible(scoped)
    assert known.status.state is State.OFFLINE
    await rig.membership.remove(ADMIN, one.id)
    assert await seen(ADMIN) == after[:1]
    assert await seen(scoped) == []


async def test_what_another_replica_changes_is_asked_a_second_later(rig: Rig) -> None:
    """Here: another store on the same tables, so that this one hears of no commit."""
    other = Membership(
        rig.database, rig.clock, SqlClusterStore(), Records(Vault.of([KEY]), UrlRules(allow_loopback=True))
    )

    async def urls() -> list[str | None]:
        found = await rig.fleet.targets(ADMIN, EndpointKind.PROMETHEUS)
        return [member.target.url if member.target else None for member in found]

    one = await rig.add("one-1")
    assert await urls() == ["http://127.0.0.1:1"]
    await other.change(ADMIN, one.id, change(prometheus_url="http://127.0.0.1:2"))
    await rig.clock.advance(1)
    assert await urls() == ["http://127.0.0.1:2"]
    await other.remove(ADMIN, one.id)
    await rig.clock.advance(1)
    assert await urls() == []
