"""Maintenance windows, what was pushed for them, and reminders in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.maintenance.windows import Window
from aiops.observability.needs_maintenance import PastEpisode, PushedSilence, Reminder

_WINDOW = tuple(Window.__struct_fields__)
_COLUMNS = ", ".join(_WINDOW)
_JSON = frozenset({"matchers", "cuts"})
_PUSHED = tuple(PushedSilence.__struct_fields__)
_REMINDER = tuple(Reminder.__struct_fields__)
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))"
_FIRING = "state = 'FIRING'"

# An episode is told by its start; what has not ended still fires. Labels are those that the alert has by its identity.
_EPISODES = f"""
SELECT * FROM (
    SELECT a.cluster_id, a.fingerprint, a.name, a.severity, a.labels, a.starts_at AS started_at,
        NULL::timestamptz AS ended_at FROM observability.alert a
    WHERE {_FIRING} AND {_SCOPE.replace("cluster_id", "a.cluster_id")}
    UNION ALL
    SELECT h.cluster_id, h.fingerprint, h.name, a.severity, a.labels, h.starts_at, max(h.ends_at)
    FROM observability.alert_history h JOIN observability.alert a USING (cluster_id, fingerprint)
    WHERE h.state = 'RESOLVED' AND h.at >= :since AND h.ends_at >= :since
        AND {_SCOPE.replace("cluster_id", "h.cluster_id")}
    GROUP BY h.cluster_id, h.fingerprint, h.name, a.severity, a.labels, h.starts_at
) told ORDER BY started_at DESC, cluster_id, fingerprint LIMIT :limit
"""


class PostgresWindowStore:
    """`needs_maintenance.WindowStore`."""

    async def live(self, tx: Transaction, since: datetime) -> list[Window]:
        return await self._some(tx, "over_at IS NULL OR over_at > :since", since=since)

    async def all(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Window]:
        own = "CAST(:clusters AS uuid[]) IS NULL OR cluster_ids IS NULL OR cluster_ids && CAST(:clusters AS uuid[])"
        return await self._some(tx, own, clusters=_ids(clusters))

    async def get(self, tx: Transaction, window_id: UUID, *, lock: bool = False) -> Window | None:
        found = await self._some(tx, "id = :id", lock=lock, id=window_id)
        return found[0] if found else None

    async def count(self, tx: Transaction) -> int:
        return int((await _run(tx, "SELECT count(*) FROM observability.maintenance_window")).scalar_one())

    async def add(self, tx: Transaction, window: Window) -> None:
        await _run(
            tx,
            f"INSERT INTO observability.maintenance_window ({_COLUMNS}) VALUES ({_places(_WINDOW)})",
            **_values(window),
        )

    async def change(self, tx: Transaction, window: Window) -> None:
        changed = ", ".join(f"{name} = {_places((name,))}" for name in _WINDOW if name != "id")
        await _run(tx, f"UPDATE observability.maintenance_window SET {changed} WHERE id = :id", **_values(window))

    async def delete(self, tx: Transaction, window_id: UUID) -> None:
        await _run(tx, "DELETE FROM observability.maintenance_window WHERE id = :id", id=window_id)

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        await _run(tx, "DELETE FROM observability.maintenance_window WHERE cluster_ids = ARRAY[:id]", id=cluster_id)
        await _run(
            tx,
            "UPDATE observability.maintenance_window SET cluster_ids = array_remove(cluster_ids, :id),"
            " revision = revision + 1 WHERE :id = ANY(cluster_ids)",
            id=cluster_id,
        )

    async def forget(self, tx: Transaction, before: datetime) -> int:
        gone = await _run(tx, "DELETE FROM observability.maintenance_window WHERE over_at < :before", before=before)
        old = await _run(tx, "DELETE FROM observability.silence_reminder WHERE until < :before", before=before)
        return int(gone.rowcount) + int(old.rowcount)

    async def told(self, tx: Transaction) -> dict[UUID, datetime]:
        rows = await _run(tx, "SELECT id, told_at FROM observability.maintenance_window ORDER BY id FOR UPDATE")
        return {row.id: row.told_at for row in rows if row.told_at is not None}

    async def tell(self, tx: Transaction, window_id: UUID, started_at: datetime | None) -> None:
        await _run(
            tx, "UPDATE observability.maintenance_window SET told_at = :at WHERE id = :id", at=started_at, id=window_id
        )

    async def _some(self, tx: Transaction, where: str, *, lock: bool = False, **values: Any) -> list[Window]:
        ending = " FOR UPDATE" if lock else ""
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM observability.maintenance_window WHERE {where} ORDER BY title, id{ending}",
            **values,
        )
        return _all(Window, rows)


class PostgresHiddenAlerts:
    """`needs_maintenance.HiddenAlerts`."""

    async def clusters(self, tx: Transaction) -> list[UUID]:
        rows = await _run(tx, "SELECT DISTINCT cluster_id FROM observability.alert WHERE state <> 'RESOLVED'")
        return sorted(row.cluster_id for row in rows)

    async def hidden_by(self, tx: Transaction) -> set[str]:
        rows = await _run(
            tx, "SELECT DISTINCT unnest(maintained_by) AS id FROM observability.alert WHERE maintained_by <> '{}'"
        )
        return {row.id for row in rows}

    async def hidden(self, tx: Transaction, clusters: Sequence[UUID] | None) -> dict[str, int]:
        rows = await _run(
            tx,
            "SELECT unnest(maintained_by) AS id, count(*) AS hides FROM observability.alert"
            f" WHERE maintained_by <> '{{}}' AND {_FIRING} AND {_SCOPE} GROUP BY 1",
            clusters=_ids(clusters),
        )
        return {row.id: row.hides for row in rows}

    async def episodes(
        self, tx: Transaction, clusters: Sequence[UUID] | None, since: datetime, limit: int
    ) -> list[PastEpisode]:
        return _all(PastEpisode, await _run(tx, _EPISODES, clusters=_ids(clusters), since=since, limit=limit))

    async def silenced(self, tx: Transaction) -> dict[tuple[UUID, str], int]:
        rows = await _run(
            tx,
            "SELECT cluster_id, unnest(silenced_by) AS id, count(*) AS hides FROM observability.alert"
            f" WHERE silenced_by <> '{{}}' AND {_FIRING} GROUP BY 1, 2",
        )
        return {(row.cluster_id, row.id): row.hides for row in rows}


class PostgresPushedStore:
    """`needs_maintenance.PushedStore`."""

    async def all(self, tx: Transaction) -> list[PushedSilence]:
        rows = await _run(
            tx, f"SELECT {', '.join(_PUSHED)} FROM observability.maintenance_silence ORDER BY starts_at, cluster_id"
        )
        return _all(PushedSilence, rows)

    async def put(self, tx: Transaction, silence: PushedSilence) -> None:
        changed = ", ".join(f"{name} = excluded.{name}" for name in _PUSHED)
        await _run(
            tx,
            f"INSERT INTO observability.maintenance_silence ({', '.join(_PUSHED)}) VALUES ({_places(_PUSHED)})"
            f" ON CONFLICT (window_id, starts_at, cluster_id) DO UPDATE SET {changed}",
            **msgspec.structs.asdict(silence),
        )

    async def drop(self, tx: Transaction, silence: PushedSilence) -> None:
        await _run(
            tx,
            "DELETE FROM observability.maintenance_silence"
            " WHERE window_id = :window_id AND starts_at = :starts_at AND cluster_id = :cluster_id",
            **msgspec.structs.asdict(silence),
        )

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        await _run(tx, "DELETE FROM observability.maintenance_silence WHERE cluster_id = :id", id=cluster_id)


class PostgresReminderStore:
    """`needs_maintenance.ReminderStore`."""

    async def add(self, tx: Transaction, reminder: Reminder, again_after: datetime) -> bool:
        done = await _run(
            tx,
            f"INSERT INTO observability.silence_reminder ({', '.join(_REMINDER)}) SELECT {_places(_REMINDER)}"
            " WHERE NOT EXISTS (SELECT 1 FROM observability.silence_reminder WHERE cluster_id = :cluster_id"
            " AND silence_id = :silence_id AND kind = :kind AND until = :until AND at > :again_after)",
            **msgspec.structs.asdict(reminder),
            again_after=again_after,
        )
        return bool(done.rowcount == 1)

    async def open(self, tx: Transaction, clusters: Sequence[UUID] | None, now: datetime) -> list[Reminder]:
        rows = await _run(
            tx,
            f"SELECT {', '.join(_REMINDER)} FROM observability.silence_reminder"
            f" WHERE dismissed_at IS NULL AND until > :now AND {_SCOPE} ORDER BY until, id LIMIT 500",
            clusters=_ids(clusters),
            now=now,
        )
        return _all(Reminder, rows)

    async def get(self, tx: Transaction, reminder_id: UUID, clusters: Sequence[UUID] | None) -> Reminder | None:
        rows = await _run(
            tx,
            f"SELECT {', '.join(_REMINDER)} FROM observability.silence_reminder WHERE id = :id AND {_SCOPE}",
            id=reminder_id,
            clusters=_ids(clusters),
        )
        found: list[Reminder] = _all(Reminder, rows)
        return found[0] if found else None

    async def dismiss(self, tx: Transaction, reminder_id: UUID, by: str, at: datetime) -> None:
        await _run(
            tx,
            "UPDATE observability.silence_reminder SET dismissed_by = :by, dismissed_at = :at WHERE id = :id",
            by=by,
            at=at,
            id=reminder_id,
        )

    async def gone(self, tx: Transaction, cluster_id: UUID, silences: Sequence[str]) -> None:
        await _run(
            tx,
            "DELETE FROM observability.silence_reminder"
            " WHERE cluster_id = :id AND silence_id <> ALL(CAST(:silences AS text[]))",
            id=cluster_id,
            silences=list(silences),
        )

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        await _run(tx, "DELETE FROM observability.silence_reminder WHERE cluster_id = :id", id=cluster_id)


def _places(names: Sequence[str]) -> str:
    return ", ".join(f"CAST(:{name} AS jsonb)" if name in _JSON else _typed(name) for name in names)


def _typed(name: str) -> str:
    """A parameter alone in a SELECT has no type."""
    kinds = {"text": ("kind", "silence_id", "title", "created_by", "dismissed_by"), "int": ("hides",)}
    kinds |= {"timestamptz": ("since", "until", "at", "dismissed_at"), "uuid[]": ("cluster_ids",)}
    found = next((kind for kind, names in kinds.items() if name in names), None)
    return f":{name}" if found is None else f"CAST(:{name} AS {found})"


def _values(window: Window) -> dict[str, Any]:
    values = {name: getattr(window, name) for name in _WINDOW}
    values["cluster_ids"] = None if window.cluster_ids is None else list(window.cluster_ids)
    for name in _JSON:
        values[name] = msgspec.json.encode(values[name]).decode()
    return values


def _all(kind: type[Any], rows: Any) -> list[Any]:
    return [msgspec.convert(dict(row._mapping), kind, strict=False) for row in rows]


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)
