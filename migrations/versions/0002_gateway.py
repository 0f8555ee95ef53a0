"""Gateway: users and their sessions."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE SCHEMA gateway")
    op.execute(
        """
        CREATE TABLE gateway.users (
            id uuid PRIMARY KEY,
            username text NOT NULL UNIQUE,
            password_hash text NOT NULL,
            role text NOT NULL,
            clusters uuid[],
            must_change_password boolean NOT NULL,
            service boolean NOT NULL DEFAULT false,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )
        """
    )
    op.execute("COMMENT ON COLUMN gateway.users.clusters IS 'the scope: NULL sees every cluster, {} sees none'")
    op.execute(
        """
        CREATE TABLE gateway.sessions (
            token_hash bytea PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES gateway.users ON DELETE CASCADE,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX sessions_by_user ON gateway.sessions (user_id)")
    op.execute("CREATE INDEX sessions_by_expiry ON gateway.sessions (expires_at)")


def downgrade() -> None:
    op.execute("DROP SCHEMA gateway CASCADE")
