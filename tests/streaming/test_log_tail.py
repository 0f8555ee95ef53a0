"""The tail's WebSocket of a hub that runs: who may open it, what it writes, and that it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.e2e.rig import token_of, wait_until
from tests.lab.hub import Hub, add_user
from tests.lab.loki import LokiPeer

JSON = dict[str, Any]


class House:
    def __init__(self, stack: ExitStack) -> None:
        self.hub = stack.enter_context(Hub())
        self.admin = stack.enter_context(self.hub.client())
        self.peers = {name: stack.enter_context(LokiPeer()) for name in ("mine", "theirs")}
        self.ids = {}
        for name, peer in self.peers.items():
            body = {"name": name, "prometheus_url": "http://127.0.0.1:9", "loki_url": peer.url}
            reply = self.admin.post("/api/v1/clusters", json=body)
            assert reply.status_code == 201, reply.text
            self.ids[name] = reply.json()["id"]
        self.limited = stack.enter_context(add_user(self.hub.url, self.admin, "limited", "viewer", [self.ids["mine"]]))

    def open(
        self, path: str = "/ws/logs/tail", headers: dict[str, str] | None = None, **query: Any
    ) -> ClientConnection:
        url = self.hub.url.replace("http", "ws", 1) + path + "?" + urlencode(query, doseq=True)
        return connect(url, proxy=None, open_timeout=30, additional_headers=headers or {})


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ExitStack() as stack:
        yield House(stack)


def _signed_in(socket: ClientConnection, client: httpx.Client) -> ClientConnection:
    socket.send(json.dumps({"type": "auth", "token": token_of(client)}))
    assert _next(socket, "auth_response")["success"] is True
    return socket


def _next(socket: ClientConnection, kind: str, timeout_s: float = 30.0) -> JSON:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        frame: JSON = json.loads(socket.recv(timeout=deadline - time.monotonic()))
        if frame["type"] == kind:
            return frame
    raise AssertionError(f"no {kind} came")


@pytest.mark.parametrize("path", ["/ws/logs/tail", "/api/v1/logs/tail"])
def test_lines_come_live_with_their_cluster_and_leaving_ends_the_streams(house: House, path: str) -> None:
    mine, theirs = house.peers["mine"], house.peers["theirs"]
    with house.open(path, query='{app="shop"}') as socket:
        _signed_in(socket, house.admin)
        assert {_next(socket, "cluster")["cluster"] for _ in range(2)} == {"mine", "theirs"}
        theirs.push({"app": "shop"}, f"a line for {path}", metadata={"trace_id": "abc"})
        (line,) = _next(socket, "lines")["lines"]
    assert (line["cluster"], line["line"]) == ("theirs", f"a line for {path}")
    assert line["metadata"]["trace_id"] == "abc"
    wait_until(lambda: mine.tails_ended == mine.tails and theirs.tails_ended == theirs.tails, "the end of the streams")


def test_a_limited_user_follows_their_clusters_alone(house: House) -> None:
    with house.open(query='{app="shop"}') as socket:
        _signed_in(socket, house.limited)
        assert _next(socket, "cluster")["cluster"] == "mine"
        house.peers["theirs"].push({"app": "shop"}, "theirs alone")
        house.peers["mine"].push({"app": "shop"}, "mine alone")
        assert [one["line"] for one in _next(socket, "lines")["lines"]] == ["mine alone"]
    with house.open(query='{app="shop"}', cluster_id=[house.ids["theirs"]]) as socket:
        _signed_in(socket, house.limited)
        refused, unknown = _next(socket, "error"), "00000000-0000-7000-8000-000000000000"
    with house.open(query='{app="shop"}', cluster_id=[unknown]) as socket:
        _signed_in(socket, house.limited)
        nowhere = _next(socket, "error")
    assert refused["message"] == nowhere["message"].replace(unknown, house.ids["theirs"])
    assert refused["code"] == nowhere["code"]


def test_a_page_of_another_host_and_a_wrong_token_are_turned_away(house: House) -> None:
    cookie = {"Cookie": f"aiops_session={token_of(house.admin)}"}
    with house.open(headers={**cookie, "Origin": "https://evil.example"}, query='{app="shop"}') as socket:
        assert _next(socket, "error")["code"] == "AUTH_FAILED"
    with house.open(query='{app="shop"}') as socket:
        socket.send(json.dumps({"type": "auth", "token": "nonsense"}))
        assert _next(socket, "error")["code"] == "AUTH_FAILED"
    with house.open(headers={**cookie, "Origin": house.hub.url}, query='{app="shop"}') as socket:
        assert _next(socket, "auth_response")["success"] is True


@pytest.mark.parametrize("query", ['rate({app="a"}[1m])', "{", "", '{cluster="mine"}'])
def test_what_cannot_be_followed_is_refused_with_the_reason(house: House, query: str) -> None:
    with house.open(query=query) as socket:
        _signed_in(socket, house.admin)
        told = _next(socket, "error")
        assert told["code"] == "INVALID_SUBSCRIPTION"
        assert len(told["message"]) > 20
        assert _next(socket, "disconnect")["reason"] == "INVALID_SUBSCRIPTION"


def test_a_session_that_ends_ends_its_tail(house: House) -> None:
    with ExitStack() as stack:
        leaver = stack.enter_context(add_user(house.hub.url, house.admin, "leaver", "viewer", None))
        socket = _signed_in(stack.enter_context(house.open(query='{app="shop"}')), leaver)
        _next(socket, "cluster")
        leaver.post("/api/v1/auth/logout").raise_for_status()
        time.sleep(1.1)
        house.peers["mine"].push({"app": "shop"}, "not for the one who left")
        assert _next(socket, "error")["code"] == "AUTH_EXPIRED"
