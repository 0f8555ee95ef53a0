"""How the hub signs in at its clusters: credentials are set, tried, rotated, renewed and taken away, never shown."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import AiopsError, Invalid, PermissionDenied, Unavailable
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.kernel.secrets import SecretUnreadable
from aiops.registry.credentials import (
    Access,
    Oidc,
    SecretRef,
    ServiceAccount,
    access_of,
    is_exchanged,
)
from aiops.registry.endpoints import UrlRules
from aiops.registry.needs import ClusterRecord, Discovery, Prober, Step, Store, TokenIssuer
from aiops.registry.ports import Cluster, CredentialKind, EndpointKind, Platform
from aiops.registry.service.description import Given, resolved
from aiops.registry.service.exchange import access_from_secret
from aiops.registry.service.fleet import build_target, find
from aiops.registry.service.secrets import account_of, credentials_updated, with_secrets
from aiops.registry.vault import Secrets, Sent, Vault

TOKEN_LASTS_S = 7 * 24 * 3600
_TEST_TIMEOUT_S = 10.0
# The longest that a query may run: whoever was sent out with the former credentials is back by then.
_OVERLAP = timedelta(seconds=300)
_RETRY_RENEWAL = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class CredentialsShown(msgspec.Struct, frozen=True):
    """What may be known about a cluster's credentials. `renewed` says that the hub gets the next ones by itself."""

    kind: CredentialKind
    expires_at: datetime | None
    renewed: bool
    problem: str | None
    header_names: list[str]


class EndpointTrial(msgspec.Struct, frozen=True):
    """How far the hub gets at one endpoint; `steps` are in order, up to the first that failed."""

    ok: bool
    steps: list[Step]


class CredentialsTried(msgspec.Struct, frozen=True):
    """The credentials and how they fared at each endpoint. After a rotation the former ones may still be in use by
    running queries until `former_in_use_until`: take them away in the cluster after that."""

    credentials: CredentialsShown
    ok: bool
    endpoints: dict[EndpointKind, EndpointTrial]
    former_in_use_until: datetime | None = None


class EndpointSignIn(msgspec.Struct, frozen=True):
    """What one endpoint takes in place of the cluster's credentials, in the clear."""

    headers: dict[str, str]
    client_certificate: str | None
    client_key: str | None


class Revealed(msgspec.Struct, frozen=True):
    """All that is needed to sign in at a cluster's endpoints, in the clear: for the hub's own services only."""

    cluster_id: UUID
    kind: CredentialKind
    headers: dict[str, str]
    client_certificate: str | None
    client_key: str | None
    expires_at: datetime | None
    endpoints: dict[EndpointKind, EndpointSignIn]


class SignIns:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        prober: Prober,
        discovery: Discovery,
        issuer: TokenIssuer,
        rules: UrlRules,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._prober = prober
        self._discovery = discovery
        self._issuer = issuer
        self._rules = rules

    async def show(self, principal: Principal, cluster_id: UUID) -> CredentialsShown:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return _shown(await find(self._store, tx, principal, cluster_id))

    async def put(self, principal: Principal, cluster_id: UUID, given: Given) -> CredentialsTried:
        """Try them and keep them, unless an endpoint refuses them; one that can't be reached tells nothing."""
        record, endpoints = await self._tried(principal, cluster_id, given)
        _raise_where_refused(endpoints)
        await self._keep(record, "SET")
        return _outcome(record, endpoints)

    async def rotate(self, principal: Principal, cluster_id: UUID, given: Given) -> CredentialsTried:
        """As `put`, but only what has been seen to work takes the place of what does."""
        record, endpoints = await self._tried(principal, cluster_id, given)
        _raise_where_refused(endpoints)
        if not any(trial.ok for trial in endpoints.values()):
            raise Unavailable(
                "No endpoint of the cluster could be asked whether it takes them: the former ones stay.",
                code="CLUSTER_UNREACHABLE",
                details=_details(endpoints),
            )
        await self._keep(record, "ROTATED")
        return msgspec.structs.replace(_outcome(record, endpoints), former_in_use_until=self._clock.now() + _OVERLAP)

    async def validate(self, principal: Principal, cluster_id: UUID) -> CredentialsTried:
        """Try the stored ones at every endpoint, and tell which rights they lack in the cluster."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id)
        secrets, cluster = self._vault.secrets(cluster_id, record.sealed), record.cluster
        endpoints = await self._try(cluster, secrets)
        trial = endpoints.get(EndpointKind.API_SERVER)
        if trial is not None and trial.ok and cluster.api_server_url is not None:
            sent = secrets.sent(EndpointKind.API_SERVER)
            api = build_target(cluster, EndpointKind.API_SERVER, cluster.api_server_url, sent)
            steps = trial.steps + await self._discovery.check_rights(api)
            endpoints[EndpointKind.API_SERVER] = EndpointTrial(all(step.ok for step in steps), steps)
        return _outcome(record, endpoints)

    async def remove(self, principal: Principal, cluster_id: UUID) -> None:
        """Extra headers stay, and what single endpoints have of their own."""
        principal.require(Role.ADMIN)
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id, lock=True)
            kept = self._kept(record)
            secrets = Secrets(None, kept.headers, None, kept.endpoints)
            await self._save(tx, with_secrets(record, secrets, self._vault, self._clock.now()), "REMOVED")
            await tx.commit()

    async def reveal(self, principal: Principal, cluster_id: UUID) -> Revealed:
        if principal.kind is not PrincipalKind.SERVICE:
            raise PermissionDenied("Only a service reads credentials: aiops user add NAME --service --role admin.")
        principal.require(Role.ADMIN)
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id)
        secrets = self._vault.secrets(cluster_id, record.sealed)
        access = secrets.current()
        log.info("credentials_revealed", cluster_id=str(cluster_id), to=principal.name)
        kind, headers = record.cluster.credential_kind, secrets.headers | access.headers()
        own = {kind: _in_the_clear(secrets.sent(kind)) for kind in secrets.endpoints}
        return Revealed(cluster_id, kind, headers, access.certificate, access.key, access.expires_at, own)

    async def renew(self, cluster_id: UUID) -> None:
        """Get the next token; what keeps the hub from it is kept beside the credentials, and tried again soon."""
        async with self._transactions.begin() as tx:
            asked = await self._store.get(tx, cluster_id)
        if asked is None or asked.sealed is None:
            return
        problem, secrets = None, None
        try:
            before = self._vault.secrets(cluster_id, asked.sealed)
            secrets = msgspec.structs.replace(before, access=await self._next(asked.cluster, before))
        except AiopsError as error:
            problem = error.message
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            record = await self._store.get(tx, cluster_id, lock=True)
            if record is None or record.sealed != asked.sealed:
                return
            if secrets is not None:
                record = with_secrets(record, secrets, self._vault, now)
            else:
                record = msgspec.structs.replace(record, renewal_problem=problem, renew_at=now + _RETRY_RENEWAL)
            await self._store.save_secrets(tx, record)
            await tx.commit()
        if problem is not None and asked.renewal_problem is None:
            log.warning("credentials_not_renewed", cluster_id=str(cluster_id), problem=problem)
        elif problem is None and asked.renewal_problem is not None:
            log.info("credentials_renewed_again", cluster_id=str(cluster_id))

    async def _tried(
        self, principal: Principal, cluster_id: UUID, given: Given
    ) -> tuple[ClusterRecord, dict[EndpointKind, EndpointTrial]]:
        principal.require(Role.ADMIN)
        if isinstance(given, SecretRef):
            # What the hub's own cluster holds is nobody's who sees a part of the fleet.
            principal.require_whole_fleet()
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id)
        if record.cluster.platform is Platform.HOST:
            raise Invalid("A HOST is judged by the samples that it pushes: there is nothing to sign in at.")
        credentials, _ = resolved(given, self._rules)
        kept = self._kept(record)
        secrets = Secrets(credentials, kept.headers, None, kept.endpoints)
        if is_exchanged(credentials):
            secrets = msgspec.structs.replace(secrets, access=await self._next(record.cluster, secrets))
        expires_at = secrets.expires_at()
        if expires_at is not None and expires_at <= self._clock.now():
            raise Invalid(f"They expired on {expires_at:%Y-%m-%d %H:%M UTC}.", details={"field": "credentials"})
        endpoints = await self._try(record.cluster, secrets)
        return with_secrets(record, secrets, self._vault, self._clock.now()), endpoints

    async def _try(self, cluster: Cluster, secrets: Secrets) -> dict[EndpointKind, EndpointTrial]:
        targets = [
            build_target(cluster, kind, url, secrets.sent(kind))
            for kind in EndpointKind
            if (url := cluster.url(kind)) is not None
        ]
        found = await asyncio.gather(*(self._prober.diagnose(target, _TEST_TIMEOUT_S) for target in targets))
        return {
            target.kind: EndpointTrial(all(step.ok for step in steps), steps)
            for target, steps in zip(targets, found, strict=True)
        }

    async def _next(self, cluster: Cluster, secrets: Secrets) -> Access:
        """What these credentials are exchanged at present."""
        credentials = secrets.credentials
        if isinstance(credentials, Oidc):
            fresh = await self._issuer.fetch(credentials)
        elif isinstance(credentials, SecretRef):
            values = await self._discovery.read_secret(credentials.namespace, credentials.name)
            return access_from_secret(values)
        elif isinstance(credentials, ServiceAccount):
            access = secrets.current()
            account = account_of(access)
            if cluster.api_server_url is None or account is None:
                raise Invalid("only an API server renews a service account's token, and this cluster names none.")
            sent = Sent(secrets.headers | access.headers(), access)
            api = build_target(cluster, EndpointKind.API_SERVER, cluster.api_server_url, sent)
            fresh = await self._discovery.renew_token(api, *account, TOKEN_LASTS_S)
        else:
            found = access_of(credentials)
            assert found is not None
            return found
        return Access(f"Bearer {fresh.token}", expires_at=fresh.expires_at)

    def _kept(self, record: ClusterRecord) -> Secrets:
        """What is there; nothing where no key opens it and nothing else than the credentials is known to be there."""
        try:
            return self._vault.secrets(record.cluster.id, record.sealed)
        except SecretUnreadable:
            if record.cluster.header_names:
                raise
            return Secrets()

    async def _keep(self, tried: ClusterRecord, change: str) -> None:
        async with self._transactions.begin() as tx:
            record = await self._store.get(tx, tried.cluster.id, lock=True)
            if record is None or record.cluster.updated_at != tried.cluster.updated_at:
                raise Unavailable("The cluster was changed meanwhile: try again.")
            await self._save(tx, tried, change)
            await tx.commit()

    async def _save(self, tx: Transaction, record: ClusterRecord, change: str) -> None:
        cluster = record.cluster
        await self._store.save_secrets(tx, record)
        await self._store.schedule(tx, {cluster.id: self._clock.now()})
        tx.publish(credentials_updated(cluster, change, self._clock.now()))


def _in_the_clear(sent: Sent) -> EndpointSignIn:
    return EndpointSignIn(sent.headers, sent.access.certificate, sent.access.key)


def _shown(record: ClusterRecord) -> CredentialsShown:
    cluster = record.cluster
    renewed = record.renew_at is not None
    return CredentialsShown(
        cluster.credential_kind, cluster.credential_expires_at, renewed, record.renewal_problem, cluster.header_names
    )


def _outcome(record: ClusterRecord, endpoints: dict[EndpointKind, EndpointTrial]) -> CredentialsTried:
    return CredentialsTried(_shown(record), all(trial.ok for trial in endpoints.values()), endpoints)


def _raise_where_refused(endpoints: dict[EndpointKind, EndpointTrial]) -> None:
    for kind, trial in endpoints.items():
        failed = next((step for step in trial.steps if not step.ok), None)
        if failed is not None and failed.name == "access":
            where = kind.value.replace("_", " ").lower()
            raise Invalid(f"The cluster's {where} does not take them: {failed.detail}.", details=_details(endpoints))


def _details(endpoints: dict[EndpointKind, EndpointTrial]) -> dict[str, object]:
    return {"endpoints": msgspec.to_builtins({kind.value: trial for kind, trial in endpoints.items()})}
