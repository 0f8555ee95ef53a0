"""The table of people's own watches, and of what they set on shipped ones."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.needs import KeptWatch

_FIELDS = tuple(KeptWatch.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_PLACES = ", ".join(f"CAST(:{name} AS jsonb)" if name == "threshold" else f":{name}" for name in _FIELDS)


class PostgresWatchStore:
    """`needs.WatchStore`."""

    async def all(self, tx: Transaction) -> list[KeptWatch]:
        rows = await connection_of(tx).execute(text(f"SELECT {_COLUMNS} FROM observability.watch ORDER BY name"))
        return [_watch(row) for row in rows]

    async def get(self, tx: Transaction, name: str, *, lock: bool = False) -> KeptWatch | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM observability.watch WHERE name = :name {'FOR UPDATE' if lock else ''}"),
            {"name": name},
        )
        row = rows.one_or_none()
        return _watch(row) if row else None

    async def add(self, tx: Transaction, watch: KeptWatch) -> bool:
        done = await connection_of(tx).execute(
            text(f"INSERT INTO observability.watch ({_COLUMNS}) VALUES ({_PLACES}) ON CONFLICT DO NOTHING"),
            _values(watch),
        )
        return done.rowcount == 1

    async def change(self, tx: Transaction, watch: KeptWatch) -> None:
        await connection_of(tx).execute(
            text(f"UPDATE observability.watch SET ({_COLUMNS}) = ROW ({_PLACES}) WHERE name = :name"), _values(watch)
        )

    async def delete(self, tx: Transaction, name: str) -> None:
        await connection_of(tx).execute(text("DELETE FROM observability.watch WHERE name = :name"), {"name": name})

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        connection, values = connection_of(tx), {"cluster_id": cluster_id}
        await connection.execute(
            text("DELETE FROM observability.watch WHERE clusters = ARRAY[CAST(:cluster_id AS uuid)]"), values
        )
        await connection.execute(
            text(
                "UPDATE observability.watch SET clusters = array_remove(clusters, CAST(:cluster_id AS uuid))"
                " WHERE clusters @> ARRAY[CAST(:cluster_id AS uuid)]"
            ),
            values,
        )


def _values(watch: KeptWatch) -> dict[str, Any]:
    values = {name: getattr(watch, name) for name in _FIELDS}
    threshold = None if watch.threshold is None else msgspec.json.encode(watch.threshold).decode()
    return {**values, "threshold": threshold, "sensitivity": watch.sensitivity.value}


def _watch(row: Any) -> KeptWatch:
    return msgspec.convert(dict(row._mapping), KeptWatch, strict=False)
