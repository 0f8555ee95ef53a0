"""Silences of many clusters: each in its own Alertmanager, all in one answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from structlog.testing import capture_logs

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied
from aiops.kernel.principal import Role
from aiops.observability.backends.alertmanager import AlertmanagerBackend
from aiops.observability.service.alertmanager_pair import AlertmanagerPair
from aiops.observability.service.silences import Silences
from aiops.observability.service.silences_remote import SilenceMatcher, SilenceState
from tests.lab.packages import lab_available
from tests.lab.servers import Alertmanager
from tests.observability.alerting import QUIET, InTurn, Saying, call, ha_pair, raise_alert, wait
from tests.observability.clusters import Fleet, Ways

pytestmark = pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))


async def _nobody_hears(_: Sequence[UUID]) -> None:
    return None


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Alertmanager, Alertmanager]]:
    with Alertmanager(QUIET) as east, Alertmanager(QUIET) as shared:
        yield east, shared


@pytest.fixture
def fleet(servers: tuple[Alertmanager, Alertmanager]) -> Fleet:
    east, shared = servers
    return Fleet(
        {
            "east": Ways(east.url),
            "north": Ways(shared.url, selector={"cluster": "north"}),
            "south": Ways(shared.url, selector={"cluster": "south"}),
            "dead": Ways("http://127.0.0.1:9"),
            "bare": Ways(),
        }
    )


@pytest.fixture
async def silences(fleet: Fleet) -> AsyncIterator[Silences]:
    async with aiohttp.ClientSession() as session:
        clock = SystemClock()
        yield Silences(clock, fleet, AlertmanagerBackend(session, clock), _nobody_hears)


def _wish(fleet: Fleet, *names: str, comment: str = "a planned change", value: str = "DiskFull") -> dict[str, Any]:
    return {
        "matchers": [SilenceMatcher("alertname", value), SilenceMatcher("zone", "a|b", is_regex=True)],
        "starts_at": None,
        "ends_at": _end(),
        "comment": comment,
        "cluster_ids": [fleet.ids[name] for name in names],
    }


def _end() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)


async def test_one_is_created_where_it_can_be_and_each_failure_is_named(silences: Silences, fleet: Fleet) -> None:
    ann = fleet.user(Role.OPERATOR)
    with capture_logs() as logs:
        made = await silences.create(ann, **_wish(fleet, "east", "dead", "bare"))
    assert [one.cluster for one in made.items] == ["east"]
    told = {one.cluster: (one.status, one.error) for one in made.clusters}
    assert (told["east"][0], told["dead"][0], told["bare"]) == (
        "SUCCESS",
        "ERROR",
        ("ERROR", "It has no Alertmanager."),
    )
    (line,) = (line for line in logs if line["event"] == "silence_created")
    assert (line["by"], line["cluster"], line["silence_id"]) == ("ann", "east", made.items[0].id)
    found = await silences.listed(ann, cluster_ids=[fleet.ids["east"]])
    (silence,) = (one for one in found.items if one.id == made.items[0].id)
    assert (silence.created_by, silence.comment, silence.state) == ("ann", "a planned change", SilenceState.ACTIVE)


async def test_where_the_hubs_own_credentials_may_not_silence_that_is_said() -> None:
    with Saying(403, b"Forbidden") as server:
        fleet = Fleet({"viewed": Ways(server.url)})
        async with aiohttp.ClientSession() as session:
            silences = Silences(SystemClock(), fleet, AlertmanagerBackend(session, SystemClock()), _nobody_hears)
            made = await silences.create(fleet.user(Role.OPERATOR), **_wish(fleet, "viewed"))
            with pytest.raises(PermissionDenied):
                await silences.expire(fleet.user(Role.OPERATOR), fleet.ids["viewed"], str(uuid4()))
    assert "does not allow the hub's credentials" in (made.clusters[0].error or "")


async def test_a_repeated_wish_adds_only_what_is_missing(silences: Silences, fleet: Fleet) -> None:
    ann = fleet.user(Role.OPERATOR)
    wish = _wish(fleet, "east", comment="again")
    first = await silences.create(ann, **wish)
    second = await silences.create(ann, **(wish | {"cluster_ids": [fleet.ids["east"], fleet.ids["north"]]}))
    assert [(one.cluster, one.existed) for one in second.items] == [("east", True), ("north", False)]
    assert second.items[0].id == first.items[0].id


async def test_of_a_shared_alertmanager_a_silence_is_for_its_cluster_alone(
    silences: Silences, fleet: Fleet, servers: tuple[Alertmanager, Alertmanager]
) -> None:
    shared = servers[1]
    north, south = fleet.user(Role.OPERATOR, "north"), fleet.user(Role.OPERATOR, "south")
    made = await silences.create(north, **_wish(fleet, "north", value="Shared"))
    for cluster in ("north", "south"):
        raise_alert(shared, "Shared", starts="2026-01-01T00:00:00Z", zone="a", cluster=cluster)

    def silenced() -> dict[str, bool]:
        alerts = call("GET", f"{shared.url}/api/v2/alerts?filter=alertname=Shared")
        return {one["labels"]["cluster"]: bool(one["status"]["silencedBy"]) for one in alerts}

    wait(lambda: silenced() == {"north": True, "south": False}, "the silence of the one")
    mine = {one.id for one in (await silences.listed(north)).items}
    assert made.items[0].id in mine
    assert made.items[0].id not in {one.id for one in (await silences.listed(south)).items}
    with pytest.raises(NotFound):
        await silences.expire(south, fleet.ids["south"], made.items[0].id)
    with pytest.raises(NotFound):
        await silences.expire(south, fleet.ids["north"], made.items[0].id)
    assert silenced() == {"north": True, "south": False}


async def test_a_silence_over_all_of_a_shared_one_is_told_to_who_sees_the_fleet(
    silences: Silences, fleet: Fleet, servers: tuple[Alertmanager, Alertmanager]
) -> None:
    matcher = {"name": "alertname", "value": "Wide", "isRegex": False, "isEqual": True}
    times = {"startsAt": datetime.now(UTC).isoformat(), "endsAt": _end().isoformat()}
    wide = {"matchers": [matcher], **times, "createdBy": "bob", "comment": "only-bob-knows"}
    made = call("POST", f"{servers[1].url}/api/v2/silences", wide)["silenceID"]
    whole = [one for one in (await silences.listed(fleet.user(Role.VIEWER))).items if one.id == made]
    assert [(one.cluster, one.shared) for one in whole] == [("south", True), ("north", True)]
    limited = fleet.user(Role.ADMIN, "north")
    assert made not in {one.id for one in (await silences.listed(limited)).items}
    with pytest.raises(NotFound):
        await silences.expire(limited, fleet.ids["north"], made)


async def test_an_expired_one_stays_expired_and_is_listed_on_demand(silences: Silences, fleet: Fleet) -> None:
    ann = fleet.user(Role.OPERATOR, "east")
    made = (await silences.create(ann, **_wish(fleet, "east", comment="short"))).items[0].id
    with capture_logs() as logs:
        await silences.expire(ann, fleet.ids["east"], made)
        await silences.expire(ann, fleet.ids["east"], made)
    assert [line["silence_id"] for line in logs if line["event"] == "silence_expired"] == [made]
    assert made not in {one.id for one in (await silences.listed(ann)).items}
    kept = {one.id: one.state for one in (await silences.listed(ann, expired=True)).items}
    assert kept[made] is SilenceState.EXPIRED
    for unknown in (str(uuid4()), "no-id", "../status"):
        with pytest.raises(NotFound):
            await silences.expire(ann, fleet.ids["east"], unknown)


async def test_only_operators_act_and_only_within_their_clusters(silences: Silences, fleet: Fleet) -> None:
    with pytest.raises(PermissionDenied):
        await silences.create(fleet.user(Role.VIEWER), **_wish(fleet, "east"))
    with pytest.raises(PermissionDenied):
        await silences.expire(fleet.user(Role.VIEWER), fleet.ids["east"], "x")
    before = len((await silences.listed(fleet.user(Role.VIEWER), expired=True)).items)
    with pytest.raises(NotFound):
        await silences.create(fleet.user(Role.ADMIN, "east"), **_wish(fleet, "east", "north", comment="too far"))
    assert len((await silences.listed(fleet.user(Role.VIEWER), expired=True)).items) == before
    listed = await silences.listed(fleet.user(Role.VIEWER, "east", "bare"))
    assert ([one.cluster for one in listed.clusters], listed.without) == (["east"], ["bare"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"matchers": []},
        {"matchers": [SilenceMatcher("1st", "x")]},
        {"matchers": [SilenceMatcher("a", ".*", is_regex=True)]},
        {"matchers": [SilenceMatcher("a", "", is_equal=True)]},
        {"matchers": [SilenceMatcher("a", "x", is_equal=False)]},
        {"comment": "  "},
        {"ends_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"starts_at": datetime(2099, 1, 1, tzinfo=UTC)},
        {"ends_at": datetime(2099, 1, 1, tzinfo=UTC)},
        {"cluster_ids": []},
    ],
)
async def test_what_makes_no_sense_is_refused(silences: Silences, fleet: Fleet, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await silences.create(fleet.user(Role.OPERATOR), **(_wish(fleet, "east") | wrong))


async def test_a_gossiping_pair_behind_one_address_keeps_one_silence() -> None:
    with ha_pair() as pair, InTurn(*(server.url for server in pair)) as both:
        fleet = Fleet({"pair": Ways(both.url)})
        ann = fleet.user(Role.OPERATOR)

        def states() -> list[list[str]]:
            found = [call("GET", f"{server.url}/api/v2/silences") for server in pair]
            return [[one["status"]["state"] for one in listed] for listed in found]

        async with aiohttp.ClientSession() as session:
            silences = Silences(SystemClock(), fleet, AlertmanagerBackend(session, SystemClock()), _nobody_hears)
            wish = _wish(fleet, "pair")
            made = (await silences.create(ann, **wish)).items[0]
            wait(lambda: states() == [["active"], ["active"]], "the gossip")
            for _ in range(2):
                again = (await silences.create(ann, **wish)).items[0]
                assert (again.id, again.existed) == (made.id, True)
            await silences.expire(ann, fleet.ids["pair"], made.id)
            wait(lambda: states() == [["expired"], ["expired"]], "the end in both")


async def test_of_a_pair_at_two_addresses_the_one_that_answers_takes_a_silence_and_both_know_it() -> None:
    with ha_pair() as (first, second):
        fleet = Fleet({"paired": Ways(first.url, peer=second.url)})
        async with aiohttp.ClientSession() as session:
            clock = SystemClock()
            silences = Silences(clock, fleet, AlertmanagerPair(AlertmanagerBackend(session, clock)), _nobody_hears)
            ann = fleet.user(Role.OPERATOR)
            wish = _wish(fleet, "paired", comment="both up")
            (one,) = (await silences.create(ann, **wish)).items
            wait(lambda: call("GET", f"{second.url}/api/v2/silences"), "the gossip")
            first.stop()
            again = await silences.create(ann, **wish)
            assert [(item.id, item.existed) for item in again.items] == [(one.id, True)]
            (other,) = (await silences.create(ann, **_wish(fleet, "paired", comment="one down"))).items
            found = await silences.listed(ann)
            assert {silence.id for silence in found.items} == {one.id, other.id}
            await silences.expire(ann, fleet.ids["paired"], other.id)
            assert {silence.id for silence in (await silences.listed(ann)).items} == {one.id}
