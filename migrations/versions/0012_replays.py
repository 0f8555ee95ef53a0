"""Replays: the past that somebody asked to see again, and what came of it."""

from alembic import op

revision = "0012"
down_revision = "0011"

_STATEMENTS = (
    """
    CREATE TABLE intelligence.replay (
        id uuid PRIMARY KEY,
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        clusters uuid[] NOT NULL,
        start timestamptz NOT NULL,
        "end" timestamptz NOT NULL,
        step_s double precision NOT NULL,
        status text NOT NULL,
        progress jsonb,
        trial jsonb,
        alive_at timestamptz,
        attempts int NOT NULL DEFAULT 0,
        ended_at timestamptz,
        summary text,
        error text,
        result jsonb
    )
    """,
    "CREATE INDEX replay_waiting ON intelligence.replay (id) WHERE status IN ('QUEUED', 'RUNNING')",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE intelligence.replay")
