"""Waiting, and a live reader: what the end-to-end tests share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from websockets.sync.client import ClientConnection, connect

T = TypeVar("T")
JSON = dict[str, Any]


def wait_until(look: Callable[[], T | None], what: str, timeout_s: float = 120.0, every_s: float = 0.25) -> T:
    """The first true answer of `look`; fails by the name of what did not come."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every_s)
    raise AssertionError(f"{what} did not come in {timeout_s:.0f} s")


def token_of(client: httpx.Client) -> str:
    """The bearer token that the client carries."""
    return client.headers["Authorization"].removeprefix("Bearer ")


def items(client: httpx.Client, path: str, **query: str) -> list[JSON]:
    """The first page of a list."""
    reply = client.get(path, params=query)
    reply.raise_for_status()
    found: list[JSON] = reply.json()["items"]
    return found


class LiveReader:
    """A WebSocket of one user that asked for every event; `frames` is all that came."""

    def __init__(self, client: httpx.Client) -> None:
        self.frames: list[JSON] = []
        self._url = str(client.base_url).rstrip("/").replace("http", "ws", 1) + "/ws"
        self._token = token_of(client)

    def wait_for(self, wanted: Callable[[JSON], bool], what: str, timeout_s: float = 120.0) -> JSON:
        """The first frame from now on that is wanted."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame = json.loads(self._socket.recv(timeout=left))
            except TimeoutError:
                break
            self.frames.append({**frame, "came_at": time.time()})
            if frame["type"] == "ping":
                self._send({"type": "pong"})
            if wanted(frame):
                return self.frames[-1]
        raise AssertionError(f"{what} did not come in {timeout_s:.0f} s; there came {self.frames[-5:]}")

    def __enter__(self) -> Self:
        self._connection = connect(self._url, proxy=None, open_timeout=30)
        self._socket: ClientConnection = self._connection.__enter__()
        self._send({"type": "auth", "token": self._token})
        self.wait_for(lambda frame: frame["type"] == "auth_response", "the sign-in")
        self._send({"type": "subscribe", "subscription": {}})
        self.wait_for(lambda frame: frame["type"] == "subscribed", "the subscription")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.__exit__(kind, error, at)

    def _send(self, message: JSON) -> None:
        self._socket.send(json.dumps(message))


def is_event(event_type: str) -> Callable[[JSON], bool]:
    return lambda frame: frame["type"] == "event" and frame["event_type"] == event_type
