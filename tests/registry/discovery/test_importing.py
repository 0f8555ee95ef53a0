"""Adding what a hub of ACM manages, and what shares a Prometheus: on a real database, from peers over the network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock, VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Role
from aiops.registry.discovery.adapter import KubernetesDiscovery
from aiops.registry.endpoints import UrlRules
from aiops.registry.ports import Cluster, ClusterType, CredentialKind, EndpointKind, Platform
from aiops.registry.service.exploring import Exploring
from aiops.registry.service.importing import Import, Importing, ImportOutcome, ImportSource, Suggestions
from aiops.registry.service.records import Records
from aiops.registry.store import SqlClusterStore
from aiops.registry.vault import Vault
from tests.lab.kubernetes import KubernetesPeer, serving
from tests.lab.openshift import DOMAIN, acm_hub, grant, openshift
from tests.registry.rig import ADMIN, KEY, Rig, person
from tests.registry.rig import serving as serving_plainly

METRICS = f"https://rbac-query-proxy-open-cluster-management-observability.{DOMAIN}"


@pytest.fixture
def importing(database: Database, clock: VirtualClock, rig: Rig, outbound: Outbound) -> Importing:
    vault = Vault.of([KEY])
    return Importing(
        database,
        clock,
        SqlClusterStore(),
        vault,
        records=Records(vault, UrlRules(allow_loopback=True)),
        membership=rig.membership,
        finder=KubernetesDiscovery(outbound, SystemClock()),
    )


@pytest.fixture
async def hub() -> AsyncIterator[KubernetesPeer]:
    async with serving(acm_hub()) as peer:
        yield peer


def acm(peer: KubernetesPeer, token: str) -> ImportSource:
    body = {"kind": "ACM", "url": peer.url, "bearer_token": token, "tls": {"ca_bundle": peer.authority.pem}}
    return msgspec.convert(body, ImportSource)


async def registered(rig: Rig) -> dict[str, Cluster]:
    return {cluster.name: cluster for cluster in await rig.fleet.visible(ADMIN)}


async def test_a_look_at_a_hub_registers_nothing(importing: Importing, rig: Rig, hub: KubernetesPeer) -> None:
    await rig.add("eks-1")
    found = await importing.candidates(ADMIN, acm(hub, grant(hub, "acm-hub")))
    assert found.prometheus_url == METRICS
    assert [(one.name, one.known_as, one.registered) for one in found.clusters] == [
        ("local-cluster", "local-cluster", False),
        ("prod-east", "prod.east", False),
        ("eks-1", "eks-1", True),
        ("new", "new", False),
    ]
    assert set(await registered(rig)) == {"eks-1"}


async def test_each_cluster_of_a_hub_is_carved_out_of_the_metrics_that_were_agreed_to(
    importing: Importing, rig: Rig, hub: KubernetesPeer
) -> None:
    source = acm(hub, grant(hub, "acm-hub"))
    outcomes = await importing.add(ADMIN, Import(source=source, prometheus_url=METRICS, labels={"from": "acm"}))
    assert [(one.name, one.added) for one in outcomes] == [
        ("local-cluster", True),
        ("prod-east", True),
        ("eks-1", True),
    ]
    found = await registered(rig)
    east = found["prod-east"]
    assert (east.prometheus_url, east.selector) == (METRICS, {"cluster": "prod.east"})
    assert (east.platform, east.region, east.display_name) == (Platform.OPENSHIFT, "eu-west-1", "prod.east")
    assert east.labels == {"vendor": "OpenShift", "region": "eu", "tier": "gold", "from": "acm"}
    assert east.credential_kind is CredentialKind.BEARER
    assert found["local-cluster"].cluster_type is ClusterType.HUB
    # What signs in at the hub is shown to no API server of the clusters that it manages.
    assert {cluster.api_server_url for cluster in found.values()} == {None}
    # The hub's own authority is not that of its routes.
    assert east.tls.ca_bundle is None


async def test_without_agreed_metrics_clusters_come_by_their_api_server_and_without_credentials(
    importing: Importing, rig: Rig, hub: KubernetesPeer
) -> None:
    source = acm(hub, grant(hub, "acm-hub"))
    outcomes = await importing.add(ADMIN, Import(source=source, names=["prod-east", "new", "eks-1", "prod-east"]))
    assert [(one.name, one.added) for one in outcomes] == [("prod-east", True), ("new", False), ("eks-1", False)]
    assert outcomes[1].problem == "The hub has not accepted it."
    assert "URL of its API server" in (outcomes[2].problem or "")
    east = (await registered(rig))["prod-east"]
    assert (east.api_server_url, east.prometheus_url, east.selector) == ("https://api.east.example.com:6443", None, {})
    assert east.credential_kind is CredentialKind.NONE
    assert east.tls.ca_bundle == hub.authority.pem


async def test_importing_again_adds_nothing_and_changes_nothing(
    importing: Importing, rig: Rig, hub: KubernetesPeer
) -> None:
    source = acm(hub, grant(hub, "acm-hub"))
    await importing.add(ADMIN, Import(source=source, names=["prod-east"]))
    before = await registered(rig)
    again = await importing.add(ADMIN, Import(source=source, names=["prod-east"], labels={"x": "y"}))
    assert again == [ImportOutcome("prod-east", False, problem="A cluster of this name is there already.")]
    assert await registered(rig) == before


async def test_the_clusters_of_one_thanos_are_added_in_one_step(importing: Importing, rig: Rig) -> None:
    async def thanos(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer t" or request.headers.get("X-Scope-OrgID") != "fleet":
            return web.json_response({"status": "error", "error": "no org id"}, status=401)
        return web.json_response({"status": "success", "data": [f"site_{number}" for number in range(60)]})

    async with serving_plainly(thanos) as url:
        body = {"kind": "SHARED_PROMETHEUS", "url": url, "label": "site", "bearer_token": "t"}
        with pytest.raises(Invalid, match="no org id"):
            await importing.candidates(ADMIN, msgspec.convert(body, ImportSource))
        source = msgspec.convert({**body, "headers": {"X-Scope-OrgID": "fleet"}}, ImportSource)
        assert len((await importing.candidates(ADMIN, source)).clusters) == 60
        outcomes = await importing.add(ADMIN, Import(source=source))
    assert all(one.added for one in outcomes)
    found = await registered(rig)
    assert len(found) == 60
    one = found["site-7"]
    assert (one.platform, one.prometheus_url, one.selector) == (Platform.STANDALONE, url, {"site": "site_7"})
    assert (one.credential_kind, one.header_names) == (CredentialKind.BEARER, ["X-Scope-OrgID"])
    target = await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, one.id)
    assert target is not None
    assert target.headers == {"Authorization": "Bearer t", "X-Scope-OrgID": "fleet"}


async def test_a_name_that_the_source_does_not_know_adds_nothing(
    importing: Importing, rig: Rig, hub: KubernetesPeer
) -> None:
    with pytest.raises(Invalid, match="no cluster nowhere at the source"):
        await importing.add(ADMIN, Import(source=acm(hub, hub.admin()), names=["prod-east", "nowhere"]))
    assert await registered(rig) == {}


async def test_a_source_that_refuses_or_is_away_is_told(importing: Importing, hub: KubernetesPeer) -> None:
    with pytest.raises(Invalid, match="refused these credentials"):
        await importing.candidates(ADMIN, acm(hub, "nonsense"))
    away = msgspec.structs.replace(acm(hub, "x"), url="https://127.0.0.1:1")
    with pytest.raises(Unavailable, match="refused the connection"):
        await importing.candidates(ADMIN, away)
    for url in ("http://127.0.0.1:1", "https://169.254.169.254", "nonsense"):
        with pytest.raises(Invalid):
            await importing.candidates(ADMIN, msgspec.structs.replace(acm(hub, "x"), url=url))


async def test_only_those_who_see_the_whole_fleet_may_look_and_only_administrators_add(
    importing: Importing, hub: KubernetesPeer
) -> None:
    source = acm(hub, hub.admin())
    for principal in (person(Role.VIEWER, whole=True), person(Role.OPERATOR), person(Role.ADMIN, uuid4())):
        with pytest.raises(PermissionDenied):
            await importing.candidates(principal, source)
    for principal in (person(Role.OPERATOR, whole=True), person(Role.ADMIN, uuid4())):
        with pytest.raises(PermissionDenied):
            await importing.add(principal, Import(source=source))
    assert hub.seen == []


async def test_addresses_are_suggested_for_a_cluster_in_scope_that_has_an_api_server(
    importing: Importing, rig: Rig
) -> None:
    plain = await rig.add("plain")
    assert await importing.suggestions(ADMIN, plain.id) == Suggestions([], "The cluster has no API server to ask.")
    async with serving(openshift()) as peer:
        body = {"platform": "OPENSHIFT", "api_server_url": peer.url, "tls": {"ca_bundle": peer.authority.pem}}
        token = grant(peer, "openshift", "nvidia-gpu-operator")
        east = await rig.add("east", None, **body, bearer_token=token)
        assert {one.kind for one in (await importing.suggestions(ADMIN, east.id)).suggestions} == {
            EndpointKind.PROMETHEUS,
            EndpointKind.ALERTMANAGER,
            EndpointKind.LOKI,
            EndpointKind.TEMPO,
        }
        with pytest.raises(NotFound):
            await importing.suggestions(person(Role.OPERATOR, plain.id), east.id)
        with pytest.raises(PermissionDenied):
            await importing.suggestions(person(Role.VIEWER, whole=True), east.id)


async def test_a_cluster_that_is_explored_keeps_what_its_api_says(
    database: Database, clock: VirtualClock, rig: Rig, outbound: Outbound
) -> None:
    vault, rules = Vault.of([KEY]), UrlRules(allow_loopback=True)
    exploring = Exploring(
        database,
        clock,
        SqlClusterStore(),
        vault,
        discovery=KubernetesDiscovery(outbound, clock),
        prober=rig.probing._prober,
        rules=rules,
    )
    async with serving(openshift()) as peer:
        body = {"platform": "KUBERNETES", "api_server_url": peer.url, "tls": {"ca_bundle": peer.authority.pem}}
        token = grant(peer, "openshift", "nvidia-gpu-operator")
        east = await rig.add("east", None, **body, bearer_token=token)
        await exploring.explore(ADMIN, east.id)
    found = await rig.fleet.get(ADMIN, east.id)
    assert (found.platform, found.platform_version, found.region) == (Platform.OPENSHIFT, "4.20.1", "eu-west-1")
    assert found.capabilities is not None
    assert (found.capabilities.gpu_count, found.capabilities.problems) == (6, [])
    # Where the offered addresses do not answer, none is taken.
    assert found.prometheus_url is None
