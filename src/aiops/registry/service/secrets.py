"""How a cluster's secrets change its record: what is shown of them, and when they must be renewed."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from aiops.kernel.ids import new_id
from aiops.registry.credentials import Access, ServiceAccount, claims_of, is_exchanged, kind_of
from aiops.registry.events import ClusterCredentialsUpdated
from aiops.registry.needs import ClusterRecord
from aiops.registry.ports import Cluster, EndpointKind
from aiops.registry.vault import Secrets, Vault

WARN_AHEAD = timedelta(days=7)
_SOONEST = timedelta(seconds=20)
_REREAD = timedelta(minutes=5)
_LATEST = timedelta(days=1)


def with_secrets(record: ClusterRecord, secrets: Secrets, vault: Vault, now: datetime) -> ClusterRecord:
    """The record with these secrets sealed, and with what may be shown of them."""
    cluster = msgspec.structs.replace(
        record.cluster,
        credential_kind=kind_of(secrets.credentials),
        credential_expires_at=secrets.expires_at(),
        header_names=sorted(secrets.headers),
        own_sign_ins=[kind for kind in EndpointKind if kind in secrets.endpoints],
    )
    return msgspec.structs.replace(
        record,
        cluster=cluster,
        sealed=vault.seal(cluster.id, secrets),
        renew_at=renew_at(secrets, now),
        renewal_problem=None,
    )


def renew_at(secrets: Secrets, now: datetime) -> datetime | None:
    """When the hub gets the next token by itself: half-way to the end of this one, or at once where there is none."""
    if is_exchanged(secrets.credentials) and secrets.access is None:
        return now
    expires_at = secrets.expires_at()
    if isinstance(secrets.credentials, ServiceAccount):
        if expires_at is None or account_of(secrets.current()) is None:
            return None
    elif not is_exchanged(secrets.credentials):
        return None
    if expires_at is None:
        return now + _REREAD
    return now + min(max((expires_at - now) / 2, _SOONEST), _LATEST)


def account_of(access: Access) -> tuple[str, str] | None:
    """Namespace and name of the service account that a token is of, by its own word."""
    claims = claims_of((access.authorization or "").removeprefix("Bearer "))
    words = str(claims.get("sub", "")).split(":")
    if len(words) == 4 and words[:2] == ["system", "serviceaccount"]:
        return words[2], words[3]
    return None


def expiry_warnings(record: ClusterRecord, secrets: Secrets, now: datetime) -> list[str]:
    """What will fail soon, or has: credentials that end within a week and that the hub does not renew."""
    found = []
    renewed = record.renew_at is not None and record.renewal_problem is None
    for what, expires_at, by_itself in (
        ("The credentials", record.cluster.credential_expires_at, renewed),
        *((f"The credentials of its {_called(kind)}", end, False) for kind, end in secrets.ends_of_endpoints().items()),
    ):
        if expires_at is not None and expires_at <= now:
            found.append(f"{what} expired on {_day(expires_at)}: enter new ones.")
        elif expires_at is not None and not by_itself and expires_at - now <= WARN_AHEAD:
            left = expires_at - now
            when = f"in {left.days} d" if left.days else f"in {left.seconds // 3600} h"
            found.append(f"{what} expire {when}, on {_day(expires_at)}: rotate them.")
    if record.renewal_problem is not None:
        found.append(f"The hub can't renew the credentials: {record.renewal_problem}")
    return found


def _called(kind: EndpointKind) -> str:
    return kind.value.replace("_", " ").lower()


def credentials_updated(cluster: Cluster, change: str, at: datetime) -> ClusterCredentialsUpdated:
    return ClusterCredentialsUpdated(
        event_id=new_id(),
        occurred_at=at,
        cluster_ids=(cluster.id,),
        cluster_id=cluster.id,
        name=cluster.name,
        change=change,
        kind=cluster.credential_kind.value,
        expires_at=cluster.credential_expires_at,
    )


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
