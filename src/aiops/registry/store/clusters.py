"""Clusters and their health in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from aiops.kernel.database import Transaction, connection_of
from aiops.registry.needs import ClusterRecord, Filters, Scope
from aiops.registry.ports import (
    URL_FIELDS,
    Capabilities,
    Cluster,
    ClusterStatus,
    ClusterType,
    Connectivity,
    CredentialKind,
    EndpointKind,
    EndpointStatus,
    Environment,
    Platform,
    State,
    TlsSettings,
)
from aiops.registry.store.fleet import FleetStore
from aiops.registry.store.history import HistoryStore
from aiops.registry.store.values import IN_SCOPE, json_text, scope_value

# What a user sets, as columns of the same name.
_PLAIN = (
    "name", "display_name", "cluster_type", "platform", "platform_version", "environment", "region",
    *URL_FIELDS.values(), "proxy_url", "managed_by",
)  # fmt: skip
_SHOWN_OF_SECRETS = ("credential_kind", "credential_expires_at", "header_names", "own_sign_ins")
_JSON = ("labels", "selector", "tls", "capabilities")
_READ = ", ".join(
    ("id", *_PLAIN, *_JSON, *_SHOWN_OF_SECRETS, "state", "connectivity", "health_score", "endpoints", "checked_at",
     "warnings", "created_at", "updated_at", "last_seen_at")
)  # fmt: skip
_READ_ALL = f"{_READ}, secrets, recent, next_renewal_at, renewal_problem"
_MATCHES = (
    " AND (CAST(:name AS text) IS NULL OR name ILIKE :name OR display_name ILIKE :name)"
    " AND (CAST(:cluster_type AS text) IS NULL OR cluster_type = :cluster_type)"
    " AND (CAST(:environment AS text) IS NULL OR environment = :environment)"
    " AND (CAST(:region AS text) IS NULL OR region = :region)"
    " AND (CAST(:state AS text) IS NULL OR state = :state)"
    " AND (CAST(:managed_by AS text) IS NULL OR managed_by = :managed_by)"
    " AND labels @> CAST(:labels AS jsonb)"
    " AND (CAST(:has_gpu AS boolean) IS NULL"
    "  OR coalesce((capabilities->>'has_gpu_nodes')::boolean, false) = :has_gpu)"
    " AND (CAST(:has_cnf AS boolean) IS NULL"
    "  OR coalesce((capabilities->>'has_cnf_workloads')::boolean, false) = :has_cnf)"
)
_UNIQUE_NAME = "clusters_name"


class SqlClusterStore(HistoryStore, FleetStore):
    """Implements `needs.Store`."""

    def __init__(self) -> None:
        self._changes = 0

    def changes(self) -> int:
        return self._changes

    def _changed(self) -> None:
        self._changes += 1

    async def page(
        self, tx: Transaction, scope: Scope, filters: Filters, after: str | None, limit: int
    ) -> tuple[list[Cluster], int]:
        connection = connection_of(tx)
        values = {
            "scope": scope_value(scope),
            "name": f"%{_escape(filters.name)}%" if filters.name else None,
            "cluster_type": filters.cluster_type,
            "environment": filters.environment,
            "region": filters.region,
            "state": filters.state,
            "managed_by": filters.managed_by,
            "labels": json_text(filters.labels),
            "has_gpu": filters.has_gpu,
            "has_cnf": filters.has_cnf,
        }
        where = IN_SCOPE + _MATCHES
        total = await connection.scalar(text(f"SELECT count(*) FROM registry.clusters WHERE {where}"), values)
        rows = await connection.execute(
            text(
                f"SELECT {_READ} FROM registry.clusters WHERE {where}"
                " AND (CAST(:after AS text) IS NULL OR name > :after) ORDER BY name LIMIT :limit"
            ),
            values | {"after": after, "limit": limit},
        )
        return [_cluster(row) for row in rows], int(total or 0)

    async def all(self, tx: Transaction, scope: Scope) -> list[Cluster]:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_READ} FROM registry.clusters WHERE {IN_SCOPE} ORDER BY name"), {"scope": scope_value(scope)}
        )
        return [_cluster(row) for row in rows]

    async def records(self, tx: Transaction, scope: Scope) -> list[ClusterRecord]:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_READ_ALL} FROM registry.clusters WHERE {IN_SCOPE} ORDER BY name"),
            {"scope": scope_value(scope)},
        )
        return [_record(row) for row in rows]

    async def versions(self, tx: Transaction, scope: Scope) -> list[str]:
        # The transaction that wrote a row names its version; one array costs a tenth of as many rows.
        found = await connection_of(tx).scalar(
            text(
                "SELECT coalesce(array_agg(id || ' ' || xmin ORDER BY name), '{}')"
                f" FROM registry.clusters WHERE {IN_SCOPE}"
            ),
            {"scope": scope_value(scope)},
        )
        return cast("list[str]", found)

    async def get(self, tx: Transaction, cluster_id: UUID, *, lock: bool = False) -> ClusterRecord | None:
        return await self._one(tx, "id = :value" + (" FOR UPDATE" if lock else ""), cluster_id)

    async def by_name(self, tx: Transaction, name: str) -> ClusterRecord | None:
        return await self._one(tx, "name = :value", name)

    async def add(self, tx: Transaction, record: ClusterRecord, probe_at: datetime) -> bool:
        values = _values(record, probe_at) | _status_values(record.cluster.status)
        values |= {
            "id": record.cluster.id,
            "recent": record.recent,
            "created_at": record.cluster.created_at,
            "next_discovery_at": probe_at,
        }
        added = await connection_of(tx).execute(
            text(
                f"INSERT INTO registry.clusters ({', '.join(values)}) VALUES ({', '.join(map(_place, values))})"
                " ON CONFLICT (name) DO NOTHING"
            ),
            values,
        )
        tx.after_commit(self._changed)
        return added.rowcount == 1

    async def change(self, tx: Transaction, record: ClusterRecord, probe_at: datetime) -> bool:
        values = _values(record, probe_at)
        assignments = ", ".join(f"{name} = {_place(name)}" for name in values)
        try:
            async with connection_of(tx).begin_nested():
                await connection_of(tx).execute(
                    text(f"UPDATE registry.clusters SET {assignments} WHERE id = :id"),
                    values | {"id": record.cluster.id},
                )
        except IntegrityError as error:
            if _UNIQUE_NAME in str(error.orig):
                return False
            raise
        tx.after_commit(self._changed)
        return True

    async def remove(self, tx: Transaction, cluster_id: UUID) -> None:
        await connection_of(tx).execute(text("DELETE FROM registry.clusters WHERE id = :id"), {"id": cluster_id})
        tx.after_commit(self._changed)

    async def save_status(
        self, tx: Transaction, cluster_id: UUID, status: ClusterStatus, recent: Sequence[bool], seen_at: datetime | None
    ) -> None:
        await connection_of(tx).execute(
            text(
                "UPDATE registry.clusters SET state = :state, connectivity = :connectivity,"
                " health_score = :health_score, endpoints = CAST(:endpoints AS jsonb), checked_at = :checked_at,"
                " warnings = :warnings, recent = :recent,"
                " last_seen_at = greatest(last_seen_at, CAST(:seen_at AS timestamptz)) WHERE id = :id"
            ),
            _status_values(status) | {"id": cluster_id, "recent": list(recent), "seen_at": seen_at},
        )

    async def seen(self, tx: Transaction, cluster_id: UUID, at: datetime) -> None:
        await connection_of(tx).execute(
            text("UPDATE registry.clusters SET last_seen_at = greatest(last_seen_at, :at) WHERE id = :id"),
            {"id": cluster_id, "at": at},
        )

    async def claim_due(self, tx: Transaction, now: datetime, limit: int) -> list[Cluster]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_READ} FROM registry.clusters WHERE next_probe_at <= :now"
                " ORDER BY next_probe_at LIMIT :limit FOR UPDATE SKIP LOCKED"
            ),
            {"now": now, "limit": limit},
        )
        return [_cluster(row) for row in rows]

    async def claim_renewals(self, tx: Transaction, now: datetime, until: datetime, limit: int) -> list[UUID]:
        return await self._claim(tx, "next_renewal_at", now, until, limit)

    async def claim_discoveries(self, tx: Transaction, now: datetime, until: datetime, limit: int) -> list[UUID]:
        return await self._claim(tx, "next_discovery_at", now, until, limit)

    async def save_secrets(self, tx: Transaction, record: ClusterRecord) -> None:
        values = _secret_values(record)
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        await connection_of(tx).execute(
            text(f"UPDATE registry.clusters SET {assignments} WHERE id = :id"), values | {"id": record.cluster.id}
        )
        tx.after_commit(self._changed)

    async def save_discovery(self, tx: Transaction, cluster: Cluster, next_at: datetime) -> None:
        names = ("capabilities", "platform", "platform_version", "region", *URL_FIELDS.values(), "updated_at")
        assignments = ", ".join(f"{name} = {_place(name)}" for name in names)
        values = {name: getattr(cluster, name) for name in names} | {"id": cluster.id, "next_at": next_at}
        values["capabilities"] = None if cluster.capabilities is None else json_text(cluster.capabilities)
        await connection_of(tx).execute(
            text(f"UPDATE registry.clusters SET {assignments}, next_discovery_at = :next_at WHERE id = :id"), values
        )
        tx.after_commit(self._changed)

    async def schedule(self, tx: Transaction, due: Mapping[UUID, datetime]) -> None:
        if due:
            await connection_of(tx).execute(
                text("UPDATE registry.clusters SET next_probe_at = :at WHERE id = :id"),
                [{"id": cluster_id, "at": at} for cluster_id, at in due.items()],
            )

    async def local(self, tx: Transaction) -> UUID | None:
        found = await connection_of(tx).scalar(text("SELECT cluster_id FROM registry.local_cluster"))
        return UUID(str(found)) if found else None

    async def set_local(self, tx: Transaction, cluster_id: UUID) -> None:
        await connection_of(tx).execute(
            text(
                "INSERT INTO registry.local_cluster (cluster_id) VALUES (:id)"
                " ON CONFLICT (sole) DO UPDATE SET cluster_id = excluded.cluster_id"
            ),
            {"id": cluster_id},
        )

    async def _claim(self, tx: Transaction, column: str, now: datetime, until: datetime, limit: int) -> list[UUID]:
        rows = await connection_of(tx).execute(
            text(
                f"UPDATE registry.clusters SET {column} = :until WHERE id IN (SELECT id FROM registry.clusters"
                f" WHERE {column} <= :now ORDER BY {column} LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING id"
            ),
            {"now": now, "until": until, "limit": limit},
        )
        return [row.id for row in rows]

    async def _one(self, tx: Transaction, where: str, value: UUID | str) -> ClusterRecord | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_READ_ALL} FROM registry.clusters WHERE {where}"),
            {"value": value},
        )
        row = rows.one_or_none()
        return None if row is None else _record(row)


def _values(record: ClusterRecord, probe_at: datetime) -> dict[str, Any]:
    cluster = record.cluster
    plain = {name: getattr(cluster, name) for name in (*_PLAIN, "updated_at")}
    kept = {name: json_text(value) if (value := getattr(cluster, name)) is not None else None for name in _JSON}
    return plain | kept | _secret_values(record) | {"next_probe_at": probe_at}


def _secret_values(record: ClusterRecord) -> dict[str, Any]:
    return {
        "secrets": record.sealed,
        "credential_kind": record.cluster.credential_kind,
        "credential_expires_at": record.cluster.credential_expires_at,
        "header_names": record.cluster.header_names,
        "own_sign_ins": record.cluster.own_sign_ins,
        "next_renewal_at": record.renew_at,
        "renewal_problem": record.renewal_problem,
    }


def _place(column: str) -> str:
    return f"CAST(:{column} AS jsonb)" if column in (*_JSON, "endpoints") else f":{column}"


def _status_values(status: ClusterStatus) -> dict[str, Any]:
    return {
        "state": status.state,
        "connectivity": status.connectivity,
        "health_score": status.health_score,
        "endpoints": json_text(status.endpoints),
        "checked_at": status.checked_at,
        "warnings": status.warnings,
    }


def _record(row: Any) -> ClusterRecord:
    sealed = bytes(row.secrets) if row.secrets else None
    return ClusterRecord(_cluster(row), sealed, list(row.recent), row.next_renewal_at, row.renewal_problem)


def _cluster(row: Any) -> Cluster:
    plain = {
        name: getattr(row, name)
        for name in ("id", *_PLAIN, *_SHOWN_OF_SECRETS, "created_at", "updated_at", "last_seen_at")
    }
    plain |= {
        "cluster_type": ClusterType(row.cluster_type),
        "platform": Platform(row.platform),
        "environment": Environment(row.environment),
        "credential_kind": CredentialKind(row.credential_kind),
        "own_sign_ins": [EndpointKind(kind) for kind in row.own_sign_ins],
    }
    return Cluster(
        **plain,
        labels=row.labels,
        selector=row.selector,
        tls=msgspec.convert(row.tls, TlsSettings),
        capabilities=None if row.capabilities is None else msgspec.convert(row.capabilities, Capabilities),
        status=ClusterStatus(
            state=State(row.state),
            connectivity=Connectivity(row.connectivity),
            health_score=row.health_score,
            endpoints=msgspec.convert(row.endpoints, dict[str, EndpointStatus]),
            checked_at=row.checked_at,
            warnings=list(row.warnings),
        ),
    )


def _escape(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
