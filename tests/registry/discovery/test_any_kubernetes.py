"""One suite for the peer and for any real Kubernetes: what discovery relies on holds for both.

The peer is always asked. A real one is asked too where AIOPS_TEST_KUBECONFIG names a kubeconfig whose current context
is a cluster to spoil: the suite makes nodes, namespaces and roles in it.
"""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import Invalid
from aiops.kernel.outbound import Outbound
from aiops.registry.credentials import claims_of
from aiops.registry.discovery.adapter import KubernetesDiscovery
from aiops.registry.discovery.faults import Forbidden, Missing, NotSignedIn, Unreached
from aiops.registry.discovery.kubeconfig import contexts_of, contexts_of_files
from aiops.registry.discovery.kubernetes import Kubernetes, Named
from aiops.registry.discovery.permissions import CLUSTER_VERSIONS, NAMESPACES, NODES, Resource, Rule
from aiops.registry.discovery.wire import PlainWay, ask
from aiops.registry.ports import EndpointKind, Platform, Target
from aiops.registry.probes.endpoints import EndpointProber
from tests.lab.kubernetes import KubernetesPeer, serving
from tests.lab.openshift import manifests

REAL = "AIOPS_TEST_KUBECONFIG"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "Node": "/api/v1/nodes",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
}


@dataclass
class Cluster:
    """A cluster and an administrator's way to it."""

    outbound: Outbound
    admin: PlainWay

    def api(self, token: str | None = None) -> Kubernetes:
        return Kubernetes(self.outbound, SystemClock(), self.way(token) if token else self.admin)

    def way(self, token: str) -> PlainWay:
        trust = msgspec.structs.replace(self.admin.tls, client_certificate=None, client_key=None)
        return PlainWay(self.admin.url, {"Authorization": f"Bearer {token}"}, trust)

    def target(self, token: str) -> Target:
        way = self.way(token)
        return Target(UUID(int=1), "real", EndpointKind.API_SERVER, way.url, way.headers, tls=way.tls)

    async def apply(self, *objects: dict[str, Any]) -> None:
        """Create these, or leave what is there already."""
        for one in objects:
            path = PATHS[one["kind"]].format(one["metadata"].get("namespace", ""))
            body = msgspec.json.encode(one)
            answer = await ask(self.outbound, self.admin, "POST", path, timeout_s=10, body=body)
            assert answer.status in (201, 409), answer.shown()

    async def spoke(self, *folders: str) -> str:
        """A token of the account of deploy/spoke, with these folders applied."""
        for folder in folders:
            await self.apply(*manifests(folder))
        return (await self.api().new_token("aiops-spoke", "aiops-spoke", lasts_s=3600)).token


@pytest.fixture(params=["peer", "real"] if REAL in os.environ else ["peer"])
async def cluster(request: pytest.FixtureRequest, outbound: Outbound) -> AsyncIterator[Cluster]:
    if request.param == "peer":
        peer = KubernetesPeer()
        peer.serve(NODES, NAMESPACES, Resource("", "v1", "services"), Resource("", "v1", "secrets"))
        peer.serve(Resource("networking.k8s.io", "v1", "ingresses"))
        async with serving(peer):
            admin = PlainWay(peer.url, {"Authorization": f"Bearer {peer.admin()}"}, tls=peer.trust())
            yield Cluster(outbound, admin)
        return
    context = next(one for one in contexts_of_files([Path(os.environ[REAL])]) if one.current)
    assert context.problem is None
    headers = {"Authorization": f"Bearer {context.token}"} if context.token else {}
    yield Cluster(outbound, PlainWay(context.server, headers, context.tls))


async def test_it_is_ready_and_tells_version_and_groups(cluster: Cluster) -> None:
    api = cluster.api()
    way = cluster.admin
    target = Target(UUID(int=1), "real", EndpointKind.API_SERVER, way.url, way.headers, tls=way.tls)
    probed = await EndpointProber(cluster.outbound, SystemClock()).probe(target, 5)
    assert probed.ok, probed.error
    assert (await api.version()).startswith("v1.")
    assert "v1" in (await api.groups())["authorization.k8s.io"]


async def test_a_list_of_several_pages_holds_each_object_once(cluster: Cluster) -> None:
    names = {f"page-{number}" for number in range(230)}
    await cluster.apply(*({"kind": "Node", "apiVersion": "v1", "metadata": {"name": name}} for name in names))
    listing = await cluster.api().every(NODES, Named)
    found = [node.metadata.name for node in listing.items]
    assert listing.complete
    assert len(found) == len(set(found))
    assert names <= set(found)


async def test_metadata_alone_is_served_and_has_names_and_labels(cluster: Cluster) -> None:
    labels = {"istio-injection": "enabled"}
    await cluster.apply({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "meshed", "labels": labels}})
    listing = await cluster.api().every(NAMESPACES, Named, metadata_only=True)
    found = next(space for space in listing.items if space.metadata.name == "meshed")
    assert (found.metadata.labels or {})["istio-injection"] == "enabled"


async def test_wrong_credentials_are_told_from_missing_rights(cluster: Cluster) -> None:
    token = await cluster.spoke("base")
    with pytest.raises(NotSignedIn):
        await cluster.api("nonsense").version()
    with pytest.raises(Forbidden, match=r'403: secrets "?x"? ?is forbidden|403: secrets .*forbidden'):
        await cluster.api(token).secret("default", "x")
    with pytest.raises(Unreached) as unreached:
        await Kubernetes(cluster.outbound, SystemClock(), PlainWay(cluster.admin.url)).version()
    assert unreached.value.step == "tls"


async def test_a_kind_that_it_does_not_know_is_missing(cluster: Cluster) -> None:
    with pytest.raises(Missing):
        await cluster.api().one(CLUSTER_VERSIONS, "version", Named)


async def test_with_what_the_base_grants_discovery_lacks_nothing_and_could_change_nothing(cluster: Cluster) -> None:
    token = await cluster.spoke("base")
    steps = await KubernetesDiscovery(cluster.outbound, SystemClock()).check_rights(cluster.target(token))
    assert [(step.name, step.ok) for step in steps] == [("rights", True), ("changes", True)]
    assert "apply deploy/spoke/changes, deploy/spoke/config-changes" in steps[-1].detail
    assert not await cluster.api(token).allowed(Rule(Resource("", "v1", "secrets"), "get", ""))
    assert not await cluster.api(token).allowed(Rule(NODES, "delete", ""))
    assert await cluster.api().surplus()


async def test_an_account_without_rights_is_told_which_are_missing(cluster: Cluster) -> None:
    await cluster.apply(*manifests("base")[:1], _account("bare"))
    bare = (await cluster.api().new_token("aiops-spoke", "bare", lasts_s=3600)).token
    steps = await KubernetesDiscovery(cluster.outbound, SystemClock()).check_rights(cluster.target(bare))
    assert (steps[-1].name, steps[-1].ok) == ("rights", False)
    assert "may not list nodes (to count GPUs and tell their types)" in steps[-1].detail
    assert "apply deploy/spoke/base" in steps[-1].detail


async def test_a_token_is_renewed_by_its_own_account_and_by_no_other(cluster: Cluster) -> None:
    token = await cluster.spoke("base")
    other = _account("other")
    await cluster.apply(other)
    discovery = KubernetesDiscovery(cluster.outbound, SystemClock())
    token = await cluster.spoke("token-renewal")
    fresh = await discovery.renew_token(cluster.target(token), "aiops-spoke", "aiops-spoke", 3600)
    assert claims_of(fresh.token)["sub"] == "system:serviceaccount:aiops-spoke:aiops-spoke"
    assert fresh.expires_at is not None
    assert fresh.expires_at > datetime.now(UTC) + timedelta(minutes=50)
    assert await cluster.api(fresh.token).groups()
    with pytest.raises(Invalid, match="403"):
        await discovery.renew_token(cluster.target(token), "aiops-spoke", "other", 3600)


async def test_a_secret_comes_back_as_it_was_put(cluster: Cluster) -> None:
    name = f"s-{uuid.uuid4().hex[:8]}"
    data = {"token": base64.b64encode(b"\x00s3cret\xff").decode()}
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name, "namespace": "default"}, "data": data}
    await cluster.apply(secret)
    assert await cluster.api().secret("default", name) == {"token": b"\x00s3cret\xff"}
    with pytest.raises(Missing):
        await cluster.api().secret("default", "no-such-secret")


async def test_gpus_network_functions_mesh_and_monitoring_are_found_with_the_rights_of_the_base(
    cluster: Cluster,
) -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100", "nvidia.com/gpu.count": "8"}
    status = {"capacity": {"cpu": "96", "nvidia.com/gpu": "8"}}
    await cluster.apply(
        {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "gpu-1", "labels": labels}, "status": status},
        *({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}} for name in ("upf-1", "monitoring")),
        {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {"name": "prometheus-operated", "namespace": "monitoring"},
            "spec": {"ports": [{"port": 9090, "name": "web", "protocol": "TCP"}]},
        },
    )
    discovery = KubernetesDiscovery(cluster.outbound, SystemClock())
    target = cluster.target(await cluster.spoke("base"))
    found = await discovery.discover(target, None)
    able = found.capabilities
    assert able.problems == []
    assert found.platform is Platform.KUBERNETES
    assert (able.has_gpu_nodes, able.gpu_count, able.gpu_types) == (True, 8, ["NVIDIA-H100"])
    assert (able.has_cnf_workloads, able.cnf_types) == (True, ["UPF"])
    offers = await discovery.suggestions(target)
    assert "http://prometheus-operated.monitoring.svc:9090" in [offer.url for offer in offers]
    assert found.offers == {}


async def test_a_kubeconfig_with_an_accounts_token_leads_there(cluster: Cluster) -> None:
    token = await cluster.spoke("base")
    authority = base64.b64encode((cluster.admin.tls.ca_bundle or "").encode()).decode()
    content = msgspec.json.encode(
        {
            "kind": "Config",
            "clusters": [
                {"name": "c", "cluster": {"server": cluster.admin.url, "certificate-authority-data": authority}}
            ],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "east", "context": {"cluster": "c", "user": "u"}}],
        }
    )
    (found,) = contexts_of(content)
    way = PlainWay(found.server, {"Authorization": f"Bearer {found.token}"}, found.tls)
    assert await Kubernetes(cluster.outbound, SystemClock(), way).groups()


def _account(name: str) -> dict[str, Any]:
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name, "namespace": "aiops-spoke"}}
