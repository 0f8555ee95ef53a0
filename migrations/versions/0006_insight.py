"""Insight: watches of people's own, and what was set on shipped ones."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    """
    CREATE TABLE observability.watch (
        name text PRIMARY KEY,
        title text NOT NULL,
        query text,
        unit text NOT NULL,
        worse text NOT NULL,
        minimum double precision NOT NULL,
        enabled boolean NOT NULL,
        learned boolean NOT NULL,
        sensitivity text NOT NULL,
        threshold jsonb,
        silence_s double precision,
        clusters uuid[],
        owner_id text NOT NULL,
        owner text NOT NULL,
        revision int NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE observability.watch")
