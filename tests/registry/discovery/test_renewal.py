"""Renewing an account's own token, and Secrets of the cluster that the hub runs in."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import Invalid, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.discovery.adapter import KubernetesDiscovery, OwnCluster
from aiops.registry.discovery.permissions import Resource
from aiops.registry.ports import EndpointKind, Target
from tests.lab.kubernetes import KubernetesPeer, named
from tests.lab.openshift import grant


async def test_an_account_renews_its_own_token_with_what_its_folder_grants(
    outbound: Outbound, peer: KubernetesPeer
) -> None:
    discovery = KubernetesDiscovery(outbound, SystemClock())
    tls = Tls(ca_bundle=peer.authority.pem)

    def api(token: str) -> Target:
        return Target(
            UUID(int=1), "e", EndpointKind.API_SERVER, peer.url, {"Authorization": f"Bearer {token}"}, tls=tls
        )

    before = grant(peer, "base")
    with pytest.raises(Invalid, match="does not allow the hub to create serviceaccounts/token"):
        await discovery.renew_token(api(before), "aiops-spoke", "aiops-spoke", 3600)
    grant(peer, "token-renewal")
    with pytest.raises(Invalid, match="create serviceaccounts/token other"):
        await discovery.renew_token(api(before), "aiops-spoke", "other", 3600)
    fresh = await discovery.renew_token(api(before), "aiops-spoke", "aiops-spoke", 3600)
    assert fresh.expires_at is not None
    assert fresh.expires_at > datetime.now(UTC) + timedelta(minutes=59)
    assert (await discovery.check_rights(api(fresh.token)))[-1].ok
    with pytest.raises(Unavailable):
        await discovery.renew_token(
            Target(UUID(int=1), "e", EndpointKind.API_SERVER, "https://127.0.0.1:1"), "a", "a", 3600
        )


async def test_a_secret_is_read_from_the_cluster_that_the_hub_runs_in(
    outbound: Outbound, peer: KubernetesPeer, tmp_path: Path
) -> None:
    port = peer.url.rsplit(":", 1)[1]
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
    assert OwnCluster.told_by(environment, tmp_path) is None
    (tmp_path / "ca.crt").write_text(peer.authority.pem)
    (tmp_path / "token").write_text(peer.admin() + "\n")
    own = OwnCluster.told_by(environment, tmp_path)
    discovery = KubernetesDiscovery(outbound, SystemClock(), own)
    secret = named("east", "aiops", kind="Secret", data={"token": base64.b64encode(b"s3cret").decode()})
    peer.add(Resource("", "v1", "secrets"), secret)
    assert await discovery.read_secret("aiops", "east") == {"token": b"s3cret"}
    with pytest.raises(Invalid, match="get secrets west in aiops"):
        await discovery.read_secret("aiops", "west")
    # A token that was replaced on disk counts from the next request on.
    (tmp_path / "token").write_text(peer.account("nobody"))
    with pytest.raises(Invalid, match="403"):
        await discovery.read_secret("aiops", "east")
    (tmp_path / "token").unlink()
    with pytest.raises(Unavailable, match="its own service account"):
        await discovery.read_secret("aiops", "east")


async def test_outside_of_a_cluster_there_is_no_secret_to_read(outbound: Outbound) -> None:
    with pytest.raises(Unavailable, match="runs in no Kubernetes cluster"):
        await KubernetesDiscovery(outbound, SystemClock()).read_secret("a", "b")
    assert OwnCluster.told_by({}) is None


def test_the_own_cluster_may_have_an_address_of_version_six(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    own = OwnCluster.told_by({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, tmp_path)
    assert own is not None
    assert own.url == "https://[fd00::1]:443"
