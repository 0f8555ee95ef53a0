"""Users and sessions in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from aiops.gateway.domain import Account, Session
from aiops.gateway.ports import User
from aiops.kernel.database import Transaction, connection_of
from aiops.kernel.principal import Role

_COLUMNS = "u.id, u.username, u.role, u.clusters, u.must_change_password, u.service"


class SqlUserStore:
    async def account(self, tx: Transaction, username: str) -> Account | None:
        return await self._one(tx, "u.username = :value", username)

    async def account_by_id(self, tx: Transaction, user_id: UUID) -> Account | None:
        return await self._one(tx, "u.id = :value", user_id)

    async def users(self, tx: Transaction) -> list[User]:
        rows = await connection_of(tx).execute(text(f"SELECT {_COLUMNS} FROM gateway.users u ORDER BY u.username"))
        return [_user(row) for row in rows]

    async def add(self, tx: Transaction, account: Account, at: datetime) -> bool:
        result = await connection_of(tx).execute(
            text(
                "INSERT INTO gateway.users"
                " (id, username, password_hash, role, clusters, must_change_password, service, created_at, updated_at)"
                " VALUES (:id, :username, :password_hash, :role, :clusters, :must_change, :service, :at, :at)"
                " ON CONFLICT (username) DO NOTHING"
            ),
            {
                "id": account.user.id,
                "username": account.user.username,
                "password_hash": account.password_hash,
                "role": account.user.role.value,
                "clusters": account.user.clusters,
                "must_change": account.user.must_change_password,
                "service": account.user.service,
                "at": at,
            },
        )
        return result.rowcount == 1

    async def set_password(
        self, tx: Transaction, user_id: UUID, password_hash: str, must_change: bool, at: datetime
    ) -> None:
        await connection_of(tx).execute(
            text(
                "UPDATE gateway.users SET password_hash = :password_hash, must_change_password = :must_change,"
                " updated_at = :at WHERE id = :id"
            ),
            {"id": user_id, "password_hash": password_hash, "must_change": must_change, "at": at},
        )

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID, at: datetime) -> None:
        await connection_of(tx).execute(
            text(
                "UPDATE gateway.users SET clusters = array_remove(clusters, :cluster_id), updated_at = :at"
                " WHERE :cluster_id = ANY(clusters)"
            ),
            {"cluster_id": cluster_id, "at": at},
        )

    async def open_session(self, tx: Transaction, session: Session) -> None:
        await connection_of(tx).execute(
            text(
                "INSERT INTO gateway.sessions (token_hash, user_id, created_at, expires_at)"
                " VALUES (:token_hash, :user_id, :created_at, :expires_at)"
            ),
            {
                "token_hash": session.token_hash,
                "user_id": session.user_id,
                "created_at": session.created_at,
                "expires_at": session.expires_at,
            },
        )

    async def session_user(self, tx: Transaction, token_hash: bytes, at: datetime) -> tuple[User, datetime] | None:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_COLUMNS}, s.expires_at FROM gateway.sessions s JOIN gateway.users u ON u.id = s.user_id"
                " WHERE s.token_hash = :token_hash AND s.expires_at > :at"
            ),
            {"token_hash": token_hash, "at": at},
        )
        row = rows.one_or_none()
        return (_user(row), row.expires_at) if row else None

    async def close_session(self, tx: Transaction, token_hash: bytes) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM gateway.sessions WHERE token_hash = :token_hash"), {"token_hash": token_hash}
        )

    async def close_sessions(self, tx: Transaction, user_id: UUID) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM gateway.sessions WHERE user_id = :user_id"), {"user_id": user_id}
        )

    async def forget_expired_sessions(self, tx: Transaction, at: datetime) -> None:
        await connection_of(tx).execute(text("DELETE FROM gateway.sessions WHERE expires_at <= :at"), {"at": at})

    async def _one(self, tx: Transaction, condition: str, value: object) -> Account | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS}, u.password_hash FROM gateway.users u WHERE {condition}"), {"value": value}
        )
        row = rows.one_or_none()
        return Account(_user(row), row.password_hash) if row else None


def _user(row: Any) -> User:
    return User(
        id=row.id,
        username=row.username,
        role=Role(row.role),
        clusters=row.clusters,
        must_change_password=row.must_change_password,
        service=row.service,
    )
