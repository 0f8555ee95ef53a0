"""The client of the Kubernetes API, against a peer over TLS: what it reads, and each way to fail told apart."""

from __future__ import annotations

import asyncio
import base64
import time
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import Invalid, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.credentials import claims_of
from aiops.registry.discovery.faults import (
    Busy,
    Expired,
    Forbidden,
    KubernetesFault,
    Missing,
    NotKubernetes,
    NotSignedIn,
    Refused,
    Unreached,
)
from aiops.registry.discovery.kubernetes import Kubernetes, Named
from aiops.registry.discovery.permissions import (
    CLUSTER_VERSIONS,
    LOKI_STACKS,
    NAMESPACES,
    NODES,
    PODS,
    RENEWAL,
    ROUTES,
    Part,
    Resource,
    Rule,
)
from aiops.registry.discovery.wire import PlainWay
from tests.lab.authority import Authority
from tests.lab.kubernetes import KubernetesPeer, named
from tests.lab.kubernetes import status as status_of
from tests.registry.discovery.conftest import Connect
from tests.registry.rig import serving as serving_plainly

VIEWER = {
    "kind": "ClusterRole",
    "metadata": {"name": "viewer"},
    "rules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}],
}


def bound(role: str, user: str) -> dict[str, object]:
    return {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user}],
    }


async def test_the_groups_that_a_cluster_has(connect: Connect, peer: KubernetesPeer) -> None:
    peer.serve(LOKI_STACKS)
    groups = await connect().groups()
    assert groups["loki.grafana.com"] == ["v1"]
    assert "config.openshift.io" not in groups


async def test_a_long_list_is_read_page_by_page(connect: Connect, peer: KubernetesPeer) -> None:
    peer.add(NODES, *(named(f"m{number}") for number in range(250)))
    listing = await connect().every(NODES, Named)
    assert listing.complete
    assert [node.metadata.name for node in listing.items] == ["n1", *(f"m{number}" for number in range(250))]
    assert peer.seen.count("GET /api/v1/nodes") == 3


async def test_a_list_whose_pages_are_gone_is_read_on_where_the_server_says_how(
    connect: Connect, peer: KubernetesPeer
) -> None:
    peer.add(NODES, *(named(f"m{number}") for number in range(250)))
    peer.expire = "readable"
    listing = await connect().every(NODES, Named)
    assert len(listing.items) == len({node.metadata.name for node in listing.items}) == 251


async def test_a_list_whose_pages_are_gone_is_begun_again_and_given_up_in_the_end(
    connect: Connect, peer: KubernetesPeer
) -> None:
    peer.add(NODES, *(named(f"m{number}") for number in range(250)))
    peer.expire = "gone"
    with pytest.raises(Expired):
        await connect().every(NODES, Named)
    # Four beginnings, each with the page that was gone.
    assert peer.seen.count("GET /api/v1/nodes") == 8


async def test_a_list_begun_again_holds_everything_once(connect: Connect, peer: KubernetesPeer) -> None:
    peer.add(NODES, *(named(f"m{number}") for number in range(250)))
    peer.expire, peer.expire_times = "gone", 2
    listing = await connect().every(NODES, Named)
    assert len(listing.items) == len({node.metadata.name for node in listing.items}) == 251


async def test_only_names_and_labels_are_fetched_where_no_more_is_needed(
    connect: Connect, peer: KubernetesPeer
) -> None:
    await connect().every(NAMESPACES, Named, metadata_only=True)
    assert "as=PartialObjectMetadataList" in peer.accepts[-1]
    assert peer.accepts[-1].endswith(",application/json")


async def test_nothing_is_read_that_no_rule_covers(connect: Connect) -> None:
    api = connect()
    with pytest.raises(LookupError):
        await api.every(PODS, Named)
    with pytest.raises(LookupError):
        await api.every(Resource("", "v1", "secrets"), Named)
    with pytest.raises(LookupError):
        await api.one(ROUTES, "console", Named, namespace="openshift-console")


async def test_a_missing_right_is_named_as_the_api_names_it(connect: Connect, peer: KubernetesPeer) -> None:
    api = connect(peer.account("ann"))
    with pytest.raises(Forbidden) as forbidden:
        await api.every(NODES, Named)
    assert "does not allow the hub to list nodes (403: nodes is forbidden: User" in forbidden.value.detail
    assert "at the cluster scope" in forbidden.value.detail
    assert isinstance(forbidden.value.stated(), Invalid)


async def test_wrong_credentials_and_missing_ones_are_told_apart(connect: Connect) -> None:
    with pytest.raises(NotSignedIn, match="wrong, or have expired"):
        await connect("nonsense").version()
    # Who does not sign in may see that it is there, and no more.
    assert await connect(None).version()
    with pytest.raises(Forbidden, match="anonymous"):
        await connect(None).every(NODES, Named)


async def test_a_server_that_takes_nobody_without_sign_in_says_so(connect: Connect, peer: KubernetesPeer) -> None:
    async def unauthorised(_: web.Request) -> web.StreamResponse:
        return status_of(401, "Unauthorized")

    peer.faults["/version"] = unauthorised
    with pytest.raises(NotSignedIn, match="wants a sign-in"):
        await connect(None).version()


async def test_a_client_certificate_signs_in(connect: Connect, peer: KubernetesPeer) -> None:
    peer.rbac.apply(VIEWER)
    peer.rbac.apply(bound("viewer", "bob"))
    api = connect(None, certificate=peer.authority.issue("bob", "ops"))
    assert len((await api.every(NAMESPACES, Named)).items) == 2


async def test_something_unknown_is_missing_whether_object_or_kind(connect: Connect, peer: KubernetesPeer) -> None:
    with pytest.raises(Missing):
        await connect().every(LOKI_STACKS, Named)
    peer.serve(CLUSTER_VERSIONS)
    with pytest.raises(Missing, match="clusterversions"):
        await connect().one(CLUSTER_VERSIONS, "version", Named)


async def test_a_certificate_of_another_authority_is_not_trusted(outbound: Outbound, peer: KubernetesPeer) -> None:
    for tls in (Tls(ca_bundle=Authority("other").pem), Tls()):
        api = Kubernetes(outbound, SystemClock(), PlainWay(peer.url, {}, tls))
        with pytest.raises(Unreached) as unreached:
            await api.version()
        assert unreached.value.step == "tls"
        assert "give the cluster's CA bundle" in unreached.value.detail
        assert not unreached.value.transient
    assert peer.seen == []


async def test_what_is_no_kubernetes_is_shown_with_what_it_answered(outbound: Outbound) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    async with serving_plainly(page) as url:
        api = Kubernetes(outbound, SystemClock(), PlainWay(url))
        for asking in (api.version(), api.groups(), api.every(NODES, Named)):
            with pytest.raises(NotKubernetes, match="it answered 200, text/html: “<html>Sign in</html>”"):
                await asking


async def test_a_proxy_whose_404_is_no_word_of_kubernetes_is_no_kubernetes(outbound: Outbound) -> None:
    async def lost(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text="<h1>Application is not available</h1>", content_type="text/html")

    async with serving_plainly(lost) as url:
        with pytest.raises(NotKubernetes):
            await Kubernetes(outbound, SystemClock(), PlainWay(url)).every(NODES, Named)


async def test_a_list_that_is_another_thing_is_refused(connect: Connect, peer: KubernetesPeer) -> None:
    async def odd(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Table", "metadata": {}, "items": []})

    peer.faults["/api/v1/nodes"] = odd
    with pytest.raises(NotKubernetes, match="with a Table"):
        await connect().every(NODES, Named)


async def test_a_server_that_keeps_silent_is_given_up(connect: Connect, peer: KubernetesPeer) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    peer.faults["/version"] = silent
    with pytest.raises(Unreached, match=r"no answer within 0\.2 s") as unreached:
        await connect(timeout_s=0.2).version()
    assert unreached.value.transient
    stated = unreached.value.stated()
    assert isinstance(stated, Unavailable)
    assert stated.code == "CLUSTER_UNREACHABLE"


async def test_an_answer_without_end_is_cut_off(
    connect: Connect, peer: KubernetesPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiops.registry.discovery.wire.MOST_BYTES", 1024 * 1024)
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 64 * 1024 * 1024:
            await response.write(b"x" * 65536)
            sent += 65536
            await asyncio.sleep(0)
        return response

    peer.faults["/version"] = endless
    with pytest.raises(Unreached, match="more than 1 MiB"):
        await connect().version()
    assert sent < 32 * 1024 * 1024


async def test_a_short_pause_that_the_api_asks_for_is_kept_and_a_long_one_is_not(
    connect: Connect, peer: KubernetesPeer
) -> None:
    pauses = ["1"]

    async def busy(_: web.Request) -> web.StreamResponse:
        if pauses:
            answer = status_of(429, "Too many requests, please try again later.")
            answer.headers["Retry-After"] = pauses.pop()
            return answer
        return web.json_response({"gitVersion": "v1.34.2"})

    peer.faults["/version"] = busy
    started = time.monotonic()
    assert await connect().version() == "v1.34.2"
    assert time.monotonic() - started >= 1
    pauses.append("600")
    with pytest.raises(Busy) as refused:
        await connect().version()
    assert refused.value.retry_after_s == 600


async def test_a_fault_inside_the_server_is_passing(connect: Connect, peer: KubernetesPeer) -> None:
    async def broken(_: web.Request) -> web.StreamResponse:
        return status_of(500, "etcdserver: leader changed")

    peer.faults["/version"] = broken
    with pytest.raises(Refused, match="leader changed") as refused:
        await connect().version()
    assert refused.value.transient


async def test_it_asks_the_api_which_rights_it_has(connect: Connect, peer: KubernetesPeer) -> None:
    peer.rbac.apply(VIEWER)
    peer.rbac.apply(bound("viewer", "ann"))
    api = connect(peer.account("ann"))
    assert await api.allowed(Rule(NAMESPACES, "list", ""))
    assert not await api.allowed(Rule(NODES, "list", ""))
    assert not await api.allowed(RENEWAL)
    assert not await api.allowed(Rule(ROUTES, "get", "", Part.OPENSHIFT, "openshift-monitoring", "thanos-querier"))
    assert await api.surplus() == []
    assert await connect().surplus() == ["* *"]


async def test_it_renews_the_token_of_its_own_account(connect: Connect, peer: KubernetesPeer) -> None:
    api = connect(peer.service_account("aiops-spoke", "aiops-spoke", datetime.now(UTC) + timedelta(hours=1)))
    with pytest.raises(Forbidden, match="create serviceaccounts/token aiops-spoke in aiops-spoke"):
        await api.new_token("aiops-spoke", "aiops-spoke", lasts_s=3600)
    made = await connect().new_token("aiops-spoke", "aiops-spoke", lasts_s=86400 * 30)
    claims = claims_of(made.token)
    assert claims["sub"] == "system:serviceaccount:aiops-spoke:aiops-spoke"
    # The cluster gave less than was asked for, and says so.
    assert made.expires_at.timestamp() == claims["exp"]
    assert made.expires_at < datetime.now(UTC) + timedelta(days=2)
    assert made.token not in repr(made)
    assert await connect(made.token).version()
    with pytest.raises(Refused, match="less than 10 minutes"):
        await connect().new_token("aiops-spoke", "aiops-spoke", lasts_s=60)


async def test_it_reads_a_secret_for_who_may(connect: Connect, peer: KubernetesPeer) -> None:
    secret = named("thanos", "aiops", kind="Secret", data={"token": base64.b64encode(b"s3cret").decode()})
    peer.add(Resource("", "v1", "secrets"), secret)
    assert await connect().secret("aiops", "thanos") == {"token": b"s3cret"}
    with pytest.raises(Forbidden):
        await connect(peer.account("ann")).secret("aiops", "thanos")
    with pytest.raises(Missing):
        await connect().secret("aiops", "other")


@pytest.mark.parametrize("name", ["../../nodes", "a/b", "", "A", "a?b", ".", "..", "a" * 300])
async def test_a_name_cannot_lead_to_another_place(connect: Connect, peer: KubernetesPeer, name: str) -> None:
    for asking in (
        connect().secret("aiops", name),
        connect().secret(name, "x"),
        connect().new_token(name, "x", lasts_s=600),
    ):
        with pytest.raises(KubernetesFault, match="no name of an object"):
            await asking
    assert peer.seen == []
