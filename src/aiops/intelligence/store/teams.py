"""Teams in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.teams import Team, owner_of
from aiops.intelligence.store.findings import rows_to
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.kernel.database import Transaction, connection_of
from aiops.observability.ports import Labels

_COLUMNS = ", ".join(Team.__struct_fields__)


class SqlTeams:
    """`needs_incidents.TeamStore`."""

    async def owning(self, tx: Transaction, labels: Sequence[Labels]) -> UUID | None:
        owner = owner_of(await self.all(tx), labels)
        return owner.id if owner else None

    async def all(self, tx: Transaction) -> list[Team]:
        rows = await connection_of(tx).execute(text(f"SELECT {_COLUMNS} FROM intelligence.team ORDER BY name"))
        return rows_to(Team, rows)

    async def put(self, tx: Transaction, team: Team) -> bool:
        taken = await connection_of(tx).scalar(
            text("SELECT id FROM intelligence.team WHERE name = :name AND id <> :id"),
            {"name": team.name, "id": team.id},
        )
        if taken is not None:
            return False
        values = {**msgspec.structs.asdict(team), "matchers": msgspec.json.encode(team.matchers).decode()}
        await connection_of(tx).execute(
            text(
                f"INSERT INTO intelligence.team ({_COLUMNS}) VALUES (:id, :name, CAST(:matchers AS jsonb), :members,"
                " :changed_by, :changed_at) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                " matchers = excluded.matchers, members = excluded.members, changed_by = excluded.changed_by,"
                " changed_at = excluded.changed_at"
            ),
            values,
        )
        return True

    async def get(self, tx: Transaction, team_id: UUID) -> Team | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM intelligence.team WHERE id = :id"), {"id": team_id}
        )
        found = rows_to(Team, rows)
        return found[0] if found else None

    async def delete(self, tx: Transaction, team_id: UUID) -> bool:
        # Its incidents change at once, and so behind whoever gathers or changes some of them.
        await SqlIncidents().take_turn(tx)
        await connection_of(tx).execute(
            text("UPDATE intelligence.incident SET team_id = NULL WHERE team_id = :id"), {"id": team_id}
        )
        gone = await connection_of(tx).execute(text("DELETE FROM intelligence.team WHERE id = :id"), {"id": team_id})
        return bool(gone.rowcount)
