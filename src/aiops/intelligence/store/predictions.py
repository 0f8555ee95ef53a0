"""Predictions, surveys and checks in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.predictions import Check, Prediction, PredictionFilter, Score, Survey
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_JSON = frozenset({"labels", "history", "path"})
_FIELDS = tuple(Prediction.__struct_fields__)
_BRIEF = ", ".join(name for name in _FIELDS if name not in ("history", "path"))
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))"
_SURVEY = tuple(Survey.__struct_fields__)
_CHECK = tuple(Check.__struct_fields__)


def _values(names: Sequence[str]) -> str:
    return ", ".join(f"CAST(:{name} AS jsonb)" if name in _JSON else f":{name}" for name in names)


_PUT = f"""
INSERT INTO intelligence.prediction ({", ".join(_FIELDS)}) VALUES ({_values(_FIELDS)})
ON CONFLICT (cluster_id, target, labels) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _FIELDS if name not in ("id", "cluster_id", "target", "labels"))}
"""
_WANTED = f"""
{_SCOPE} AND (CAST(:cluster_id AS uuid) IS NULL OR cluster_id = :cluster_id)
AND (CAST(:target AS text) IS NULL OR target = :target) AND (CAST(:outlook AS text) IS NULL OR outlook = :outlook)
"""
# What does not cross has no time: it comes after all that does.
_URGENCY = "coalesce(crosses_at, 'infinity')"
_PAGE = f"""
SELECT {_BRIEF} FROM intelligence.prediction WHERE {_WANTED}
AND (CAST(:after AS uuid) IS NULL OR ({_URGENCY}, id) > (
    SELECT {_URGENCY}, id FROM intelligence.prediction WHERE id = :after
)) ORDER BY {_URGENCY}, id LIMIT :limit
"""
_SCORES = f"""
SELECT target, lead_s, count(actual) AS checks, count(*) - count(actual) AS waiting,
    coalesce(avg(CASE WHEN actual BETWEEN lower AND upper THEN 1.0 ELSE 0.0 END) FILTER (WHERE actual IS NOT NULL), 0)
        AS covered,
    coalesce(avg(abs(actual - point)), 0) AS error, coalesce(avg(abs(actual - naive)), 0) AS naive_error
FROM intelligence.prediction_check WHERE {_SCOPE} GROUP BY target, lead_s ORDER BY target, lead_s
"""


class SqlPredictions:
    async def of(self, tx: Transaction, cluster_id: UUID, target: str) -> list[Prediction]:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_BRIEF} FROM intelligence.prediction WHERE cluster_id = :cluster_id AND target = :target"),
            {"cluster_id": cluster_id, "target": target},
        )
        return rows_to(Prediction, rows)

    async def put(self, tx: Transaction, predictions: Sequence[Prediction]) -> None:
        if predictions:
            await connection_of(tx).execute(text(_PUT), [_row(one, _FIELDS) for one in predictions])

    async def drop(self, tx: Transaction, ids: Sequence[UUID]) -> None:
        if ids:
            await connection_of(tx).execute(
                text("DELETE FROM intelligence.prediction WHERE id = ANY(:ids)"), {"ids": list(ids)}
            )

    async def page(
        self, tx: Transaction, wanted: PredictionFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[Prediction], int]:
        given = {
            "clusters": None if clusters is None else list(clusters),
            "cluster_id": wanted.cluster_id,
            "target": wanted.target,
            "outlook": wanted.outlook and wanted.outlook.value,
        }
        connection = connection_of(tx)
        rows = await connection.execute(text(_PAGE), {**given, "limit": limit, "after": after})
        total = await connection.execute(text(f"SELECT count(*) FROM intelligence.prediction WHERE {_WANTED}"), given)
        return rows_to(Prediction, rows), int(total.scalar_one())

    async def get(self, tx: Transaction, prediction_id: UUID, clusters: Sequence[UUID] | None) -> Prediction | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {', '.join(_FIELDS)} FROM intelligence.prediction WHERE id = :id AND {_SCOPE}"),
            {"id": prediction_id, "clusters": None if clusters is None else list(clusters)},
        )
        found: list[Prediction] = rows_to(Prediction, rows)
        return found[0] if found else None

    async def survey(self, tx: Transaction, survey: Survey) -> None:
        changed = ", ".join(f"{name} = excluded.{name}" for name in _SURVEY if name not in ("cluster_id", "target"))
        await connection_of(tx).execute(
            text(
                f"INSERT INTO intelligence.prediction_survey ({', '.join(_SURVEY)}) VALUES ({_values(_SURVEY)})"
                f" ON CONFLICT (cluster_id, target) DO UPDATE SET {changed}"
            ),
            _row(survey, _SURVEY),
        )

    async def surveys(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Survey]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {', '.join(_SURVEY)} FROM intelligence.prediction_survey WHERE {_SCOPE}"
                " ORDER BY target, cluster_id"
            ),
            {"clusters": None if clusters is None else list(clusters)},
        )
        return rows_to(Survey, rows)

    async def targets(self, tx: Transaction, cluster_id: UUID, before: datetime) -> list[str]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT target FROM intelligence.prediction_survey"
                " WHERE cluster_id = :cluster_id AND looked_at < :before"
            ),
            {"cluster_id": cluster_id, "before": before},
        )
        return [str(name) for (name,) in rows]

    async def add_checks(self, tx: Transaction, checks: Sequence[Check]) -> None:
        if checks:
            await connection_of(tx).execute(
                text(f"INSERT INTO intelligence.prediction_check ({', '.join(_CHECK)}) VALUES ({_values(_CHECK)})"),
                [_row(one, _CHECK) for one in checks],
            )

    async def due(self, tx: Transaction, cluster_id: UUID, target: str, now: datetime) -> list[Check]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {', '.join(_CHECK)} FROM intelligence.prediction_check WHERE cluster_id = :cluster_id"
                " AND target = :target AND actual IS NULL AND due_at <= :now ORDER BY due_at LIMIT 500"
            ),
            {"cluster_id": cluster_id, "target": target, "now": now},
        )
        return rows_to(Check, rows)

    async def last_check(self, tx: Transaction, cluster_id: UUID, target: str) -> dict[float, datetime]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT lead_s, max(made_at) FROM intelligence.prediction_check"
                " WHERE cluster_id = :cluster_id AND target = :target GROUP BY lead_s"
            ),
            {"cluster_id": cluster_id, "target": target},
        )
        return {float(lead): made_at for lead, made_at in rows}

    async def settle(self, tx: Transaction, actual: Sequence[tuple[UUID, float]], lost: Sequence[UUID]) -> None:
        connection = connection_of(tx)
        if actual:
            await connection.execute(
                text("UPDATE intelligence.prediction_check SET actual = :actual WHERE id = :id"),
                [{"id": one, "actual": value} for one, value in actual],
            )
        if lost:
            await connection.execute(
                text("DELETE FROM intelligence.prediction_check WHERE id = ANY(:ids)"), {"ids": list(lost)}
            )

    async def scores(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Score]:
        rows = await connection_of(tx).execute(
            text(_SCORES), {"clusters": None if clusters is None else list(clusters)}
        )
        return rows_to(Score, rows)

    async def forget_target(self, tx: Transaction, cluster_id: UUID, target: str | None) -> None:
        for table in ("prediction", "prediction_survey", "prediction_check"):
            await connection_of(tx).execute(
                text(
                    f"DELETE FROM intelligence.{table} WHERE cluster_id = :cluster_id"
                    " AND (CAST(:target AS text) IS NULL OR target = :target)"
                ),
                {"cluster_id": cluster_id, "target": target},
            )

    async def forget(self, tx: Transaction, before: datetime) -> int:
        gone = await connection_of(tx).execute(
            text("DELETE FROM intelligence.prediction_check WHERE due_at < :before"), {"before": before}
        )
        return int(gone.rowcount)


def _row(one: msgspec.Struct, names: Sequence[str]) -> dict[str, Any]:
    """As parameters: JSON as text with sorted keys, so that equal labels are equal."""
    row = {name: getattr(one, name) for name in names}
    for name in _JSON & row.keys():
        row[name] = msgspec.json.encode(row[name], order="sorted").decode()
    if "outlook" in row:
        row["outlook"] = row["outlook"].value
    return row
