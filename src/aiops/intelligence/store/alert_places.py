"""In which incidents alerts are."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from aiops.intelligence.domain.anomalies import SEVERITIES
from aiops.intelligence.service.alert_places import AlertPlace, FiringOf, LikelyCause
from aiops.intelligence.store.findings import rows_to
from aiops.intelligence.store.incident_views import SCOPE
from aiops.kernel.database import Transaction, connection_of
from aiops.observability.ports import Severity

_PLACE = "cluster_id, fingerprint, incident_id, started_at, ended_at, joined_by, reason"

_OF_CAUSE = SCOPE.format("CAST(cause->>'cluster_id' AS uuid)")


class SqlAlertPlaces:
    """`service.alert_places.AlertPlaceStore`."""

    async def of_alert(self, tx: Transaction, cluster_id: UUID, fingerprint: str, limit: int) -> list[AlertPlace]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_PLACE} FROM intelligence.incident_alert"
                " WHERE cluster_id = :cluster_id AND fingerprint = :mark ORDER BY started_at DESC LIMIT :limit"
            ),
            {"cluster_id": cluster_id, "mark": fingerprint, "limit": limit},
        )
        return [AlertPlace(**row._mapping) for row in rows]

    async def latest(self, tx: Transaction, wanted: Sequence[tuple[UUID, str]]) -> list[AlertPlace]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT place.* FROM unnest(CAST(:clusters AS uuid[]), CAST(:marks AS text[])) AS w (of_cluster, mark)"
                f" CROSS JOIN LATERAL (SELECT {_PLACE} FROM intelligence.incident_alert"
                "  WHERE cluster_id = of_cluster AND fingerprint = mark ORDER BY started_at DESC LIMIT 1) AS place"
            ),
            {"clusters": [one[0] for one in wanted], "marks": [one[1] for one in wanted]},
        )
        return [AlertPlace(**row._mapping) for row in rows]

    async def firing(
        self,
        tx: Transaction,
        clusters: Sequence[UUID] | None,
        cluster_ids: Sequence[UUID],
        severities: Sequence[Severity],
        limit: int,
    ) -> list[FiringOf]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT incident_id, count(*) AS alerts, (CAST(:words AS text[]))[min(rank)] AS severity,"
                " array_agg(DISTINCT cluster_id) AS clusters, max(started_at) AS newest_at FROM ("
                " SELECT incident_id, cluster_id, started_at, array_position(CAST(:words AS text[]), severity) AS rank"
                f" FROM intelligence.incident_alert WHERE ended_at IS NULL AND {SCOPE.format('cluster_id')}"
                "  AND (CAST(:cluster_ids AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:cluster_ids AS uuid[])))"
                "  AND (CAST(:severities AS text[]) IS NULL OR severity = ANY(CAST(:severities AS text[])))) AS firing"
                " GROUP BY incident_id ORDER BY min(rank), alerts DESC, incident_id LIMIT :limit"
            ),
            {
                "words": [str(word) for word in SEVERITIES],
                "clusters": None if clusters is None else list(clusters),
                "cluster_ids": list(cluster_ids) or None,
                "severities": [word.value for word in severities] or None,
                "limit": limit,
            },
        )
        return rows_to(FiringOf, rows)

    async def causes(
        self, tx: Transaction, incident_ids: Sequence[UUID], clusters: Sequence[UUID] | None
    ) -> dict[UUID, tuple[LikelyCause | None, str | None]]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT i.id, i.causes_note AS note, first.cause->>'title' AS title,"
                " CAST(first.cause->>'confidence' AS double precision) AS confidence"
                " FROM intelligence.incident i LEFT JOIN LATERAL ("
                "  SELECT cause FROM jsonb_array_elements(i.causes) WITH ORDINALITY AS ranked (cause, rank)"
                f"  WHERE cause->>'cluster_id' IS NULL OR {_OF_CAUSE} ORDER BY rank LIMIT 1"
                " ) AS first ON TRUE WHERE i.id = ANY(:ids)"
            ),
            {"ids": list(incident_ids), "clusters": None if clusters is None else list(clusters)},
        )
        return {
            row.id: (None if row.title is None else LikelyCause(row.title, row.confidence), row.note) for row in rows
        }
