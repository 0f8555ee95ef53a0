"""Credentials: tried before they are kept, rotated under running queries, renewed in time, warned of, never shown."""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from aiohttp import web
from sqlalchemy import text
from structlog.testing import capture_logs

from aiops.kernel.errors import Invalid, PermissionDenied, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Role
from aiops.kernel.secrets import SecretBox
from aiops.registry.credentials import Basic, Bearer, ClientCertificate, Oidc, SecretRef, ServiceAccount
from aiops.registry.needs import FreshToken, Step
from aiops.registry.oidc import OidcIssuer
from aiops.registry.ports import CredentialKind, EndpointKind, State
from aiops.registry.service import ClusterChange, Fleet
from aiops.registry.service.description import KubeconfigGiven
from aiops.registry.store import SqlClusterStore
from aiops.registry.vault import Vault
from tests.registry.authority import Authority
from tests.registry.rig import ADMIN, KEY, FakePrometheus, Rig, person, serving

DAY = 86400.0


def jwt(expires_at: datetime | None = None, sub: str = "system:serviceaccount:aiops:hub") -> str:
    claims = {"sub": sub} | ({} if expires_at is None else {"exp": int(expires_at.timestamp())})
    parts = ({"alg": "none"}, claims)
    return ".".join([*(base64.urlsafe_b64encode(msgspec.json.encode(p)).decode().rstrip("=") for p in parts), "sig"])


async def sent(rig: Rig, cluster_id: UUID) -> str | None:
    target = await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, cluster_id)
    assert target is not None
    return target.headers.get("Authorization")


async def changes(rig: Rig) -> list[str]:
    async with rig.database.begin() as tx:
        rows = await tx.connection.execute(
            text(
                "SELECT payload->>'change' FROM kernel.outbox WHERE event_type = 'CLUSTER_CREDENTIALS_UPDATED'"
                " ORDER BY event_id"
            )
        )
        return [row[0] for row in rows]


async def test_what_the_cluster_refuses_is_not_kept_and_what_it_takes_is(
    rig: Rig, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    prometheus.authorization = "Bearer right"
    added = await rig.add("prod-1", prometheus_url, bearer_token="first")
    with pytest.raises(Invalid, match="does not take them: It refused these credentials") as caught:
        await rig.sign_ins.put(ADMIN, added.id, Bearer("wrong"))
    assert "wrong" not in str(caught.value.details)
    assert await sent(rig, added.id) == "Bearer first"
    tried = await rig.sign_ins.put(ADMIN, added.id, Bearer("right"))
    assert tried.ok
    assert await sent(rig, added.id) == "Bearer right"
    assert (await rig.sign_ins.validate(ADMIN, added.id)).ok
    await rig.sign_ins.remove(ADMIN, added.id)
    assert (await rig.sign_ins.show(ADMIN, added.id)).kind is CredentialKind.NONE
    assert not (await rig.sign_ins.validate(ADMIN, added.id)).ok
    assert await changes(rig) == ["SET", "REMOVED"]


async def test_a_rotation_disturbs_no_query_and_takes_nothing_untried(rig: Rig) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") not in ("Bearer old", "Bearer new"):
            return web.Response(status=401)
        if "slow" in request.path:
            asked.set()
            await answer.wait()
        return web.json_response({"status": "success", "data": {"result": []}})

    outbound = Outbound(allow_loopback=True)
    async with serving(handler) as url:
        added = await rig.add("prod-1", url, bearer_token="old")
        target = await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, added.id)
        assert target is not None

        async def query() -> int:
            async with outbound.request("GET", f"{url}/slow", headers=target.headers) as response:
                return response.status

        running = asyncio.create_task(query())
        await asked.wait()
        with pytest.raises(Invalid):
            await rig.sign_ins.rotate(ADMIN, added.id, Bearer("neither"))
        done = await rig.sign_ins.rotate(ADMIN, added.id, Bearer("new"))
        assert done.former_in_use_until == rig.clock.now() + timedelta(seconds=300)
        answer.set()
        assert await running == 200
        assert await sent(rig, added.id) == "Bearer new"
    await outbound.close()
    with pytest.raises(Unavailable, match="the former ones stay"):
        await rig.sign_ins.rotate(ADMIN, added.id, Bearer("unseen"))
    assert await sent(rig, added.id) == "Bearer new"
    assert await changes(rig) == ["ROTATED"]


async def test_their_end_is_known_and_warned_of_a_week_ahead_once(rig: Rig, prometheus_url: str) -> None:
    token = jwt(rig.clock.now() + timedelta(days=10), sub="someone")
    added = await rig.add("prod-1", prometheus_url, bearer_token=token)
    assert added.credential_expires_at == rig.clock.now() + timedelta(days=10)
    assert (await rig.probing.refresh(ADMIN, added.id)).status.warnings == []
    await rig.clock.advance(4 * DAY)
    with capture_logs() as logs:
        for _ in range(2):
            found = await rig.probing.refresh(ADMIN, added.id)
    assert found.status.warnings == ["The credentials expire in 6 d, on 2026-01-11 00:00 UTC: rotate them."]
    assert [entry["event"] for entry in logs].count("cluster_credentials_expire") == 1
    assert await changes(rig) == ["EXPIRING"]
    health = await rig.fleet.health(ADMIN)
    assert (health.with_warnings, [one.name for one in health.worst]) == (1, ["prod-1"])
    await rig.clock.advance(7 * DAY)
    found = await rig.probing.refresh(ADMIN, added.id)
    assert "expired on 2026-01-11" in found.status.warnings[0]
    with pytest.raises(Invalid, match="They expired on"):
        await rig.sign_ins.put(ADMIN, added.id, Bearer(token))


async def test_the_end_of_what_one_endpoint_has_of_its_own_is_warned_of_too(rig: Rig, prometheus_url: str) -> None:
    own = {"PROMETHEUS": {"kind": "BEARER", "token": jwt(rig.clock.now() + timedelta(hours=5), sub="someone")}}
    added = await rig.add("prod-1", prometheus_url, bearer_token="endless", endpoint_credentials=own)
    assert added.credential_expires_at is None
    found = await rig.probing.refresh(ADMIN, added.id)
    assert found.status.warnings == [
        "The credentials of its prometheus expire in 5 h, on 2026-01-01 05:00 UTC: rotate them."
    ]


async def test_a_client_certificate_tells_its_end_and_its_key_must_fit(rig: Rig, prometheus_url: str) -> None:
    authority = Authority()
    certificate, key = authority.issue("hub", lasts=timedelta(days=3))
    added = await rig.add("prod-1", prometheus_url)
    shown = (await rig.sign_ins.put(ADMIN, added.id, ClientCertificate(certificate, key))).credentials
    assert shown.expires_at is not None
    assert abs(shown.expires_at - datetime.now(shown.expires_at.tzinfo) - timedelta(days=3)) < timedelta(minutes=5)
    target = await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, added.id)
    assert target is not None
    assert (target.tls.client_certificate, target.tls.client_key) == (certificate, key)
    with pytest.raises(Invalid, match="don't fit together"):
        await rig.sign_ins.put(ADMIN, added.id, ClientCertificate(certificate, authority.issue("other")[1]))


async def test_the_token_of_a_service_account_is_renewed_half_way_to_its_end(rig: Rig, prometheus_url: str) -> None:
    first = jwt(rig.clock.now() + timedelta(hours=2))
    added = await rig.add(
        "prod-1",
        prometheus_url,
        platform="KUBERNETES",
        api_server_url="https://127.0.0.1:1",
        credentials={"kind": "SERVICE_ACCOUNT", "token": first},
    )
    assert (await rig.sign_ins.show(ADMIN, added.id)).renewed
    rig.discovery.tokens = [FreshToken("second", rig.clock.now() + timedelta(days=7))]
    await rig.clock.advance(3500)
    await rig.upkeep.tick()
    assert await sent(rig, added.id) == f"Bearer {first}"
    await rig.clock.advance(200)
    await rig.upkeep.tick()
    assert await sent(rig, added.id) == "Bearer second"
    assert ("renew_token", "https://127.0.0.1:1", "aiops", "hub") in rig.discovery.asked
    assert (await rig.sign_ins.show(ADMIN, added.id)).expires_at == datetime(2026, 1, 8, tzinfo=rig.clock.now().tzinfo)


async def test_a_renewal_that_fails_is_told_and_tried_again_while_the_old_token_serves(
    rig: Rig, prometheus_url: str
) -> None:
    first = jwt(rig.clock.now() + timedelta(hours=2))
    added = await rig.add(
        "prod-1",
        prometheus_url,
        platform="KUBERNETES",
        api_server_url="https://127.0.0.1:1",
        credentials={"kind": "SERVICE_ACCOUNT", "token": first},
    )
    rig.discovery.fails = Invalid("It may not create serviceaccounts/token hub in aiops.")
    await rig.clock.advance(3700)
    await rig.upkeep.tick()
    assert await sent(rig, added.id) == f"Bearer {first}"
    found = await rig.probing.refresh(ADMIN, added.id)
    assert found.status.warnings[-1] == (
        "The hub can't renew the credentials: It may not create serviceaccounts/token hub in aiops."
    )
    rig.discovery.fails, rig.discovery.tokens = None, [FreshToken("second", None)]
    await rig.clock.advance(90)
    await rig.upkeep.tick()
    assert await sent(rig, added.id) == "Bearer second"
    assert (await rig.probing.refresh(ADMIN, added.id)).status.warnings == []


async def test_an_oidc_client_signs_in_by_itself_and_renews_its_token(rig: Rig, prometheus: FakePrometheus) -> None:
    forms: list[tuple[str, dict[str, str]]] = []

    async def provider(request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        forms.append((request.headers["Authorization"], form))
        if len(forms) == 3:
            return web.json_response({"error": "invalid_client", "error_description": "who?"}, status=401)
        return web.json_response({"access_token": f"token-{len(forms)}", "expires_in": 600})

    outbound = Outbound(allow_loopback=True)
    rig.sign_ins._issuer = OidcIssuer(outbound, rig.clock)
    async with serving(prometheus.answer) as url, serving(provider) as identity:
        added = await rig.add("prod-1", url)
        client = Oidc(f"{identity}/token", "hub", "s3cret", scope="metrics")
        prometheus.authorization = "Bearer token-1"
        assert (await rig.sign_ins.put(ADMIN, added.id, client)).ok
        assert forms[0] == (
            "Basic " + base64.b64encode(b"hub:s3cret").decode(),
            {"grant_type": "client_credentials", "scope": "metrics"},
        )
        await rig.clock.advance(310)
        await rig.upkeep.tick()
        assert await sent(rig, added.id) == "Bearer token-2"
        await rig.clock.advance(310)
        await rig.upkeep.tick()
        shown = await rig.sign_ins.show(ADMIN, added.id)
        assert shown.problem == "The identity provider 127.0.0.1 refused to sign the hub in (401): who?."
        await rig.clock.advance(61)
        await rig.upkeep.tick()
        assert await sent(rig, added.id) == "Bearer token-4"
    await outbound.close()


async def test_a_cluster_whose_token_is_not_there_yet_says_so_and_gets_it_soon(rig: Rig, prometheus_url: str) -> None:
    rig.issuer.tokens = [FreshToken("here", None)]
    credentials = {"kind": "OIDC", "token_url": "http://127.0.0.1:1/t", "client_id": "a", "client_secret": "b"}
    added = await rig.add("prod-1", prometheus_url, credentials=credentials)
    (member,) = await rig.fleet.targets(ADMIN, EndpointKind.PROMETHEUS)
    assert member.target is None
    assert "has not got a token" in (member.problem or "")
    assert (await rig.probing.refresh(ADMIN, added.id)).status.state is State.OFFLINE
    await rig.upkeep.tick()
    assert await sent(rig, added.id) == "Bearer here"


async def test_a_secret_of_the_hubs_own_cluster_is_read_and_read_again(rig: Rig, prometheus_url: str) -> None:
    added = await rig.add("prod-1", prometheus_url)
    with pytest.raises(Unavailable, match="runs in no Kubernetes cluster"):
        await rig.sign_ins.put(ADMIN, added.id, SecretRef("aiops", "prod-1"))
    rig.discovery.secrets["aiops", "prod-1"] = {"username": b"u", "password": b"p\n"}
    await rig.sign_ins.put(ADMIN, added.id, SecretRef("aiops", "prod-1"))
    assert await sent(rig, added.id) == "Basic " + base64.b64encode(b"u:p").decode()
    rig.discovery.secrets["aiops", "prod-1"] = {"token": b"changed\n"}
    await rig.clock.advance(301)
    await rig.upkeep.tick()
    assert await sent(rig, added.id) == "Bearer changed"


async def test_a_kubeconfig_gives_the_address_the_trust_and_the_sign_in(rig: Rig) -> None:
    authority = Authority()
    kubeconfig = {
        "current-context": "prod",
        "clusters": [
            {
                "name": "k",
                "cluster": {
                    "server": "https://api.prod.example.com:6443",
                    "certificate-authority-data": base64.b64encode(authority.pem.encode()).decode(),
                },
            }
        ],
        "users": [{"name": "u", "user": {"token": "t0ken"}}, {"name": "x", "user": {"exec": {"command": "aws"}}}],
        "contexts": [
            {"name": "prod", "context": {"cluster": "k", "user": "u"}},
            {"name": "by-program", "context": {"cluster": "k", "user": "x"}},
        ],
    }
    given = {"kind": "KUBECONFIG", "kubeconfig": msgspec.json.encode(kubeconfig).decode()}
    added = await rig.add("prod-1", None, platform="KUBERNETES", credentials=given)
    assert (added.api_server_url, added.tls.ca_bundle) == ("https://api.prod.example.com:6443", authority.pem)
    assert added.credential_kind is CredentialKind.KUBECONFIG
    target = await rig.fleet.target(ADMIN, EndpointKind.API_SERVER, added.id)
    assert target is not None
    assert target.headers == {"Authorization": "Bearer t0ken"}
    with pytest.raises(Invalid, match="by-program can't be used"):
        await rig.sign_ins.put(ADMIN, added.id, KubeconfigGiven(kubeconfig=given["kubeconfig"], context="by-program"))


async def test_only_admins_of_the_cluster_touch_credentials_and_people_never_read_them(rig: Rig) -> None:
    added = await rig.add("prod-1", bearer_token="hush", headers={"X-Scope-OrgID": "hush"})
    assert added.header_names == ["X-Scope-OrgID"]
    operator, viewer = person(Role.OPERATOR, added.id), person(Role.VIEWER, added.id)
    for attempt in (
        rig.sign_ins.put(operator, added.id, Basic("u", "p")),
        rig.sign_ins.rotate(operator, added.id, Basic("u", "p")),
        rig.sign_ins.remove(operator, added.id),
        rig.sign_ins.validate(viewer, added.id),
        rig.sign_ins.put(person(Role.ADMIN, added.id), added.id, SecretRef("aiops", "anything")),
        rig.membership.change(
            person(Role.ADMIN, added.id), added.id, ClusterChange(credentials=SecretRef("aiops", "anything"))
        ),
        rig.sign_ins.reveal(person(Role.ADMIN, whole=True), added.id),
        rig.sign_ins.reveal(ADMIN, added.id),
    ):
        with pytest.raises(PermissionDenied):
            await attempt
    assert "hush" not in repr(await rig.sign_ins.show(viewer, added.id))
    for secret in (
        Bearer("hush"),
        ServiceAccount("hush"),
        await rig.fleet.target(ADMIN, EndpointKind.PROMETHEUS, added.id),
    ):
        assert "hush" not in repr(secret)


async def test_an_endpoint_that_others_own_too_gets_its_own_credentials_and_never_the_clusters(rig: Rig) -> None:
    shared = {"PROMETHEUS": {"kind": "BASIC", "username": "u", "password": "p"}, "LOKI": {"kind": "NONE"}}
    urls = {field: f"https://{field.partition('_')[0]}.example.com" for field in ("tempo_url", "loki_url")}
    added = await rig.add("prod-1", bearer_token="clusters-own", endpoint_credentials=shared, **urls)

    async def header(kind: EndpointKind) -> str | None:
        target = await rig.fleet.target(ADMIN, kind, added.id)
        assert target is not None
        return target.headers.get("Authorization")

    shown = await rig.fleet.get(ADMIN, added.id)
    assert shown.own_sign_ins == [EndpointKind.PROMETHEUS, EndpointKind.LOKI]
    expected = {
        EndpointKind.PROMETHEUS: "Basic " + base64.b64encode(b"u:p").decode(),
        EndpointKind.LOKI: None,
        EndpointKind.TEMPO: "Bearer clusters-own",
    }
    assert {kind: await header(kind) for kind in expected} == expected
    await rig.sign_ins.put(ADMIN, added.id, Bearer("changed"))
    expected[EndpointKind.TEMPO] = "Bearer changed"
    assert {kind: await header(kind) for kind in expected} == expected
    move = {"prometheus_url": "https://elsewhere.example.com", "bearer_token": "changed"}
    with pytest.raises(Invalid, match="credentials of single endpoints"):
        await rig.membership.change(ADMIN, added.id, msgspec.convert(move, ClusterChange))
    await rig.membership.change(ADMIN, added.id, msgspec.convert({**move, "endpoint_credentials": {}}, ClusterChange))
    assert await header(EndpointKind.LOKI) == "Bearer changed"
    assert (await rig.fleet.get(ADMIN, added.id)).own_sign_ins == []


async def test_both_of_a_pair_of_alertmanagers_are_asked_with_what_the_first_has_of_its_own(rig: Rig) -> None:
    own = {"ALERTMANAGER": {"kind": "BEARER", "token": "of-alerts"}}
    peer = {"alertmanager_peer_url": "https://alerts-1.example.com"}
    with pytest.raises(Invalid, match="first Alertmanager"):
        await rig.add("prod-1", **peer)
    pair = {"alertmanager_url": "https://alerts-0.example.com", **peer}
    added = await rig.add("prod-1", bearer_token="clusters-own", endpoint_credentials=own, **pair)
    target = await rig.fleet.target(ADMIN, EndpointKind.ALERTMANAGER, added.id)
    assert target is not None
    assert target.peer is not None
    assert (target.url, target.peer.url) == tuple(pair.values())
    assert target.headers == target.peer.headers == {"Authorization": "Bearer of-alerts"}


@pytest.mark.parametrize("headers", [{"Authorization": "x"}, {"Host": "x"}, {"X\n": "x"}, {"X-A": "a\r\nb"}, {"X": ""}])
async def test_headers_that_would_break_or_fake_a_request_are_refused(rig: Rig, headers: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="header"):
        await rig.add("prod-1", headers=headers)


class CountingBox(SecretBox):
    opened = 0

    def open(self, sealed: bytes, *, belongs_to: bytes) -> bytes:
        self.opened += 1
        return super().open(sealed, belongs_to=belongs_to)


async def test_a_secret_is_opened_once_for_each_version_however_many_queries_need_it(rig: Rig) -> None:
    box = CountingBox.for_purpose(KEY, "registry.credentials")
    assert isinstance(box, CountingBox)
    fleet = Fleet(rig.database, rig.clock, SqlClusterStore(), Vault(box))
    for name in ("one-1", "two-2", "three-3"):
        added = await rig.add(name, bearer_token=name, loki_url="http://127.0.0.1:1")
    for kind in (EndpointKind.PROMETHEUS, EndpointKind.LOKI, EndpointKind.TEMPO, EndpointKind.PROMETHEUS):
        await fleet.targets(ADMIN, kind)
    assert box.opened == 3
    await rig.membership.change(ADMIN, added.id, ClusterChange(bearer_token="changed"))
    (member,) = await fleet.targets(ADMIN, EndpointKind.LOKI, [added.id])
    assert member.target is not None
    assert member.target.headers == {"Authorization": "Bearer changed"}
    assert box.opened == 4


async def test_a_trial_tells_the_rights_that_are_missing_in_the_cluster(rig: Rig, tmp_path: Path) -> None:
    async def api(request: web.Request) -> web.StreamResponse:
        if request.path == "/readyz":
            return web.Response(text="ok")
        return web.json_response({"gitVersion": "v1.33.2"})

    authority = Authority()
    rig.discovery.rights = [Step("rights", False, "It may not list nodes: apply deploy/spoke/base to the cluster")]
    async with serving(api, authority.server(tmp_path)) as url:
        tls = {"ca_bundle": authority.pem}
        added = await rig.add("prod-1", None, platform="KUBERNETES", api_server_url=url, tls=tls, bearer_token="x")
        tried = await rig.sign_ins.validate(ADMIN, added.id)
        assert not tried.ok
        assert tried.endpoints[EndpointKind.API_SERVER].steps[-1].detail.startswith("It may not list nodes")
        # A right that is missing is no refusal: such credentials may be all that there are.
        assert (await rig.sign_ins.put(ADMIN, added.id, Bearer("y"))).ok
