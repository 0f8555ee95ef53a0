"""The driver's own connection of a transaction, for bytes in bulk."""

from __future__ import annotations

from typing import Any

import psycopg

from aiops.kernel.database import Transaction, connection_of, raw_connection_of


async def raw_connection(tx: Transaction) -> psycopg.AsyncConnection[Any]:
    """As `raw_connection_of`, but its work is part of what `tx.commit()` commits, also where nothing else is."""
    connection = connection_of(tx)
    if not connection.in_transaction():
        await connection.begin()
    return await raw_connection_of(tx)
