"""The clusters in a scope, counted by the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.registry.needs import (
    EndpointCount,
    FleetCapabilities,
    FleetHealth,
    FleetSummary,
    Scope,
    UnwellCluster,
)
from aiops.registry.ports import ClusterType, Connectivity, Environment, Platform, State
from aiops.registry.store.values import IN_SCOPE, scope_value

_HAS = ("prometheus", "thanos", "loki", "tempo", "service_mesh", "gpu_nodes", "cnf_workloads")


class FleetStore:
    async def summary(self, tx: Transaction, scope: Scope) -> FleetSummary:
        rows = await connection_of(tx).execute(
            text(
                "SELECT state, cluster_type, environment, count(*) AS clusters,"
                " sum(health_score) AS score, count(health_score) AS scored"
                f" FROM registry.clusters WHERE {IN_SCOPE} GROUP BY state, cluster_type, environment"
            ),
            {"scope": scope_value(scope)},
        )
        by_state = dict.fromkeys(State, 0)
        by_type = dict.fromkeys(ClusterType, 0)
        by_environment = dict.fromkeys(Environment, 0)
        total = score = scored = 0
        for row in rows:
            total += row.clusters
            score += row.score or 0
            scored += row.scored
            by_state[State(row.state)] += row.clusters
            by_type[ClusterType(row.cluster_type)] += row.clusters
            by_environment[Environment(row.environment)] += row.clusters
        return FleetSummary(total, by_state, by_type, by_environment, round(score / scored) if scored else None)

    async def health(self, tx: Transaction, scope: Scope, worst: int) -> FleetHealth:
        counted = await _rows(
            tx,
            "SELECT state, connectivity, count(*) AS clusters, sum(health_score) AS score,"
            " count(health_score) AS scored, count(*) FILTER (WHERE cardinality(warnings) > 0) AS warned"
            f" FROM registry.clusters WHERE {IN_SCOPE} GROUP BY state, connectivity",
            scope,
        )
        by_state, by_connectivity = dict.fromkeys(State, 0), dict.fromkeys(Connectivity, 0)
        for row in counted:
            by_state[State(row.state)] += row.clusters
            by_connectivity[Connectivity(row.connectivity)] += row.clusters
        scored = sum(row.scored for row in counted)
        endpoints = await _rows(
            tx,
            "SELECT key, count(*) AS total, count(*) FILTER (WHERE NOT (value->>'ok')::boolean) AS down"
            f" FROM registry.clusters, jsonb_each(endpoints) WHERE {IN_SCOPE} GROUP BY key ORDER BY key",
            scope,
        )
        unwell = await _rows(
            tx,
            "SELECT id, name, state, connectivity, health_score, checked_at, endpoints, warnings FROM registry.clusters"
            f" WHERE {IN_SCOPE} AND (state NOT IN ('ONLINE', 'PROVISIONING') OR connectivity = 'INTERMITTENT'"
            "  OR cardinality(warnings) > 0)"
            " ORDER BY health_score NULLS FIRST, name LIMIT :worst",
            scope,
            worst=worst,
        )
        return FleetHealth(
            total=sum(row.clusters for row in counted),
            health_score=round(sum(row.score or 0 for row in counted) / scored) if scored else None,
            by_state=by_state,
            by_connectivity=by_connectivity,
            endpoints={row.key: EndpointCount(row.total, row.down) for row in endpoints},
            with_warnings=sum(row.warned for row in counted),
            worst=[_unwell(row) for row in unwell],
        )

    async def capabilities(self, tx: Transaction, scope: Scope) -> FleetCapabilities:
        having = ", ".join(f"count(*) FILTER (WHERE (capabilities->>'has_{name}')::boolean) AS {name}" for name in _HAS)
        (row,) = await _rows(
            tx,
            f"SELECT count(*) AS total, count(*) FILTER (WHERE capabilities IS NULL) AS undiscovered, {having},"
            " coalesce(sum((capabilities->>'gpu_count')::int), 0) AS gpus"
            f" FROM registry.clusters WHERE {IN_SCOPE}",
            scope,
        )
        return FleetCapabilities(
            total=row.total,
            undiscovered=row.undiscovered,
            clusters_with={name: getattr(row, name) for name in _HAS},
            gpu_count=row.gpus,
            gpu_types=await _counted(tx, _each("gpu_types"), scope),
            cnf_types=await _counted(tx, _each("cnf_types"), scope),
            platforms={Platform(name): count for name, count in (await _counted(tx, _by("platform"), scope)).items()},
            platform_versions=await _counted(tx, _by("platform_version"), scope),
        )


def _each(name: str) -> str:
    return (
        "SELECT item AS name, count(*) AS clusters FROM registry.clusters,"
        f" jsonb_array_elements_text(capabilities->'{name}') AS item WHERE {IN_SCOPE} GROUP BY item ORDER BY item"
    )


def _by(column: str) -> str:
    return (
        f"SELECT {column} AS name, count(*) AS clusters FROM registry.clusters"
        f" WHERE {IN_SCOPE} AND {column} IS NOT NULL GROUP BY {column} ORDER BY {column}"
    )


async def _counted(tx: Transaction, sql: str, scope: Scope) -> dict[str, int]:
    return {row.name: row.clusters for row in await _rows(tx, sql, scope)}


async def _rows(tx: Transaction, sql: str, scope: Scope, **values: object) -> list[Any]:
    found = await connection_of(tx).execute(text(sql), {"scope": scope_value(scope), **values})
    return list(found)


def _unwell(row: Any) -> UnwellCluster:
    errors = {
        name: status["error"] or "It did not answer" for name, status in row.endpoints.items() if not status["ok"]
    }
    return UnwellCluster(
        id=row.id,
        name=row.name,
        state=State(row.state),
        connectivity=Connectivity(row.connectivity),
        health_score=row.health_score,
        checked_at=row.checked_at,
        errors=errors,
        warnings=list(row.warnings),
    )
