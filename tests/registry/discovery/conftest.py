"""A cluster of the lab with its API, and the hub's way to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.discovery.kubernetes import Kubernetes
from aiops.registry.discovery.permissions import INGRESSES, NAMESPACES, NODES, SERVICES
from aiops.registry.discovery.wire import PlainWay
from tests.lab.kubernetes import KubernetesPeer, named, serving

Connect = Callable[..., Kubernetes]


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    outbound = Outbound(allow_loopback=True, connect_timeout_s=2)
    yield outbound
    await outbound.close()


@pytest.fixture
async def peer() -> AsyncIterator[KubernetesPeer]:
    """A small plain Kubernetes."""
    peer = KubernetesPeer()
    peer.serve(NODES, NAMESPACES, SERVICES, INGRESSES)
    peer.add(NAMESPACES, named("default"), named("kube-system"))
    peer.add(NODES, named("n1", status={"capacity": {"cpu": "8", "memory": "32Gi"}}))
    async with serving(peer):
        yield peer


@pytest.fixture
def connect(outbound: Outbound, peer: KubernetesPeer) -> Connect:
    """A client with this token, or none; `admin` has all rights."""

    def make(
        token: str | None = "admin", *, timeout_s: float = 5, certificate: tuple[str, str] | None = None
    ) -> Kubernetes:
        shown = peer.admin() if token == "admin" else token
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        shown_certificate, key = certificate or (None, None)
        tls = Tls(ca_bundle=peer.authority.pem, client_certificate=shown_certificate, client_key=key)
        way = PlainWay(peer.url, headers, tls)
        return Kubernetes(outbound, SystemClock(), way, timeout_s=timeout_s)

    return make
