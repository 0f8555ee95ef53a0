"""What changes about a user while their WebSocket is open counts from the next event on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.e2e.inside import database_of
from tests.e2e.rig import JSON, LiveReader, is_event
from tests.lab.hub import Hub, add_user

TRUSTED_S = 1.2


class House:
    """A hub with the clusters `mine` and `theirs`, and a user for each test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.hub = stack.enter_context(Hub())
        self.admin = stack.enter_context(self.hub.client())
        self.mine, self.theirs = (self._cluster(name) for name in ("mine", "theirs"))

    def _cluster(self, name: str) -> str:
        return str(self.admin.post("/api/v1/clusters", json={"name": name, "platform": "HOST"}).json()["id"])

    def user(self, name: str, clusters: list[str] | None) -> httpx.Client:
        return self._stack.enter_context(add_user(self.hub.url, self.admin, name, "viewer", clusters))

    def rename(self, cluster_id: str) -> None:
        change = {"display_name": f"Renamed {time.time()}"}
        self.admin.patch(f"/api/v1/clusters/{cluster_id}", json=change).raise_for_status()

    def change(self, statement: str, name: str) -> None:
        """There is no route for this yet: the row itself changes."""
        with database_of(self.hub) as connection:
            connection.execute(statement, {"name": name, "theirs": self.theirs})


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ExitStack() as stack:
        yield House(stack)


def _of(cluster_id: str) -> Callable[[JSON], bool]:
    return lambda frame: is_event("CLUSTER_UPDATED")(frame) and frame["cluster_id"] == cluster_id


def _told_of(cluster_id: str, frames: list[JSON]) -> list[JSON]:
    """Of its renaming, that is: news of its probes may have come before, and been read only now."""
    return [frame for frame in frames if is_event("CLUSTER_UPDATED")(frame) and cluster_id in str(frame)]


@pytest.mark.parametrize("before", ["of one", "of all"])
def test_a_scope_that_moves_is_the_scope_of_the_next_event(house: House, before: str) -> None:
    name = f"moves-{before.replace(' ', '-')}"
    user = house.user(name, [house.mine] if before == "of one" else None)
    with LiveReader(user) as live:
        house.rename(house.mine)
        live.wait_for(_of(house.mine), "news of their cluster")
        house.change("UPDATE gateway.users SET clusters = ARRAY[%(theirs)s::uuid] WHERE username = %(name)s", name)
        time.sleep(TRUSTED_S)
        told = len(live.frames)
        house.rename(house.mine)
        house.rename(house.theirs)
        time.sleep(TRUSTED_S)
        house.rename(house.theirs)
        live.wait_for(_of(house.theirs), "news of the cluster that they see now")
        assert not _told_of(house.mine, live.frames[told:])


def test_wide_filters_of_a_subscription_widen_no_scope(house: House) -> None:
    user = house.user("curious", [house.mine])
    with LiveReader(user) as live:
        for wish in ({"cluster_filter": [house.theirs]}, {"cluster_filter": [house.theirs, house.mine]}, {}):
            live._send({"type": "subscribe", "subscription": wish})
            live.wait_for(lambda frame: frame["type"] == "subscribed", "the subscription")
        told = len(live.frames)
        house.rename(house.theirs)
        house.rename(house.mine)
        live.wait_for(_of(house.mine), "news of their cluster")
        assert not _told_of(house.theirs, live.frames[told:])


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM gateway.users WHERE username = %(name)s",
        "DELETE FROM gateway.sessions USING gateway.users u WHERE u.id = user_id AND u.username = %(name)s",
        "UPDATE gateway.users SET must_change_password = true WHERE username = %(name)s",
    ],
    ids=["a removed user", "an ended session", "a password that must be changed"],
)
def test_who_may_no_longer_read_is_told_nothing_more_and_let_go(house: House, statement: str) -> None:
    name = f"leaves-{abs(hash(statement)) % 10_000}"
    user = house.user(name, [house.mine])
    with LiveReader(user) as live:
        house.rename(house.mine)
        live.wait_for(_of(house.mine), "news while they may")
        house.change(statement, name)
        time.sleep(TRUSTED_S)
        told = len(live.frames)
        house.rename(house.mine)
        live.wait_for(lambda frame: frame["type"] == "disconnect" and frame["reason"] == "AUTH_EXPIRED", "the end")
        assert not _told_of(house.mine, live.frames[told:])


def test_who_signs_out_is_let_go_at_the_next_event(house: House) -> None:
    user = house.user("signs-out", [house.mine])
    with LiveReader(user) as live:
        user.post("/api/v1/auth/logout").raise_for_status()
        time.sleep(TRUSTED_S)
        house.rename(house.mine)
        live.wait_for(lambda frame: frame["type"] == "disconnect", "the end")
