"""How large the hub's own tables are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import text

from aiops.kernel.database import connection_of

if TYPE_CHECKING:
    from aiops.kernel.database import Transaction

# Partitions count with the table that they belong to.
_TABLES = """
SELECT n.nspname AS schema, coalesce(root.relname, c.relname) AS name,
    sum(pg_total_relation_size(c.oid))::bigint AS bytes,
    coalesce(sum(s.n_live_tup), 0)::bigint AS rows, count(*)::int AS parts
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class root ON root.oid = i.inhparent
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_%'
GROUP BY 1, 2 ORDER BY bytes DESC, 1, 2
"""


class TableSize(msgspec.Struct, frozen=True):
    """`bytes` with indexes; `rows` is PostgreSQL's estimate; `parts` more than one where it is partitioned."""

    schema: str
    name: str
    bytes: int
    rows: int
    parts: int


async def table_sizes(tx: Transaction) -> list[TableSize]:
    """The largest first."""
    rows = await connection_of(tx).execute(text(_TABLES))
    return [TableSize(row.schema, row.name, int(row.bytes), int(row.rows), int(row.parts)) for row in rows]


async def database_size(tx: Transaction) -> int:
    """In bytes, all that is in it."""
    found = await connection_of(tx).execute(text("SELECT pg_database_size(current_database())"))
    return int(found.scalar_one())
