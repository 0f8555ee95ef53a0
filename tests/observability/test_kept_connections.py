"""A Prometheus that closed a connection which the hub kept: asked once more, and answered rightly."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import Unavailable
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.service.metrics.remote import RemoteWithin
from aiops.registry.ports import EndpointKind, Target

_ANSWERS = {
    "query": b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"%d"]}]}}',
    "values": b'{"status":"success","data":["%d"]}',
}


class Peer:
    """A bare socket that speaks HTTP/1.1 and ends connections as told: by FIN or by RST, before or after it has read.

    `manners` says what becomes of the connections in turn: how many requests each answers before it ends. The answer
    carries the number of the request, as the peer counted it.
    """

    def __init__(self, manners: list[int], *, abruptly: bool, reads_first: bool) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self._manners = manners
        self._abruptly = abruptly
        self._reads_first = reads_first
        self._closed = threading.Semaphore(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def wait_closed(self) -> None:
        """Until the peer has ended the connection that stands in the hub's pool."""
        assert self._closed.acquire(timeout=10)

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        for answers in self._manners:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                for _ in range(answers):
                    if not self._answer(connection):
                        break
                if self._reads_first:
                    self._request(connection)
                if self._abruptly:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._closed.release()

    def _answer(self, connection: socket.socket) -> bool:
        path = self._request(connection)
        if not path:
            return False
        body = _ANSWERS["values" if "/values" in path else "query"] % len(self.requests)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return True

    def _request(self, connection: socket.socket) -> str:
        told = b""
        while b"\r\n\r\n" not in told:
            piece = connection.recv(65536)
            if not piece:
                return ""
            told += piece
        head, _, body = told.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head.decode().split("\r\n")[0])
        return self.requests[-1].split(" ")[1]


@pytest.fixture(params=["by FIN", "by RST"])
def abruptly(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "by RST")


@pytest.fixture(params=["while idle", "on the next request"])
def reads_first(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "on the next request")


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made: list[Peer] = []
    yield made
    for peer in made:
        peer.close()


@pytest.fixture
async def backend() -> AsyncIterator[PrometheusBackend]:
    outbound = Outbound(allow_loopback=True)
    yield PrometheusBackend(outbound, SystemClock())
    await outbound.close()


def _target(peer: Peer) -> Target:
    return Target(uuid4(), "far", EndpointKind.PROMETHEUS, peer.url)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_over_a_connection_that_the_peer_closed_is_asked_once_more(
    backend: PrometheusBackend, peers: list[Peer], abruptly: bool, reads_first: bool, method: str
) -> None:
    peer = Peer([1, 9], abruptly=abruptly, reads_first=reads_first)
    peers.append(peer)

    async def ask() -> object:
        if method == "GET":
            return (await backend.label_values(_target(peer), "job", RemoteWithin((), 0.0, 1.0), 5)).data
        return (await backend.instant(_target(peer), "up", 1.0, 5)).data.result[0].value[1]  # type: ignore[union-attr]

    first = await ask()
    if not reads_first:
        peer.wait_closed()
    second = await ask()
    told = len(peer.requests)
    assert first == (["1"] if method == "GET" else "1")
    assert second == ([str(told)] if method == "GET" else str(told)), "the answer is that of the last request"
    assert told == (3 if reads_first else 2)
    assert peer.connections == 2


async def test_a_peer_that_ends_every_connection_is_asked_twice_and_then_called_unreachable(
    backend: PrometheusBackend, peers: list[Peer], abruptly: bool
) -> None:
    peer = Peer([0] * 9, abruptly=abruptly, reads_first=True)
    peers.append(peer)
    with pytest.raises(Unavailable, match="closed it without a word") as refused:
        await backend.instant(_target(peer), "up", 1.0, 5)
    assert refused.value.code == "CLUSTER_UNREACHABLE"
    assert len(peer.requests) == 2
