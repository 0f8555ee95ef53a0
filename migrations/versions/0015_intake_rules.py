"""Rules that shape alerts as they come in, and filters of alerts that people keep."""

from alembic import op

revision = "0015"
down_revision = "0014"

_STATEMENTS = (
    """
    CREATE TABLE observability.intake_rule (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        position int NOT NULL,
        enabled boolean NOT NULL,
        cluster_ids uuid[],
        body jsonb NOT NULL,
        revision int NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE observability.saved_filter (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        query text NOT NULL,
        owner_id text NOT NULL,
        owner text NOT NULL,
        shared boolean NOT NULL,
        saved_at timestamptz NOT NULL,
        UNIQUE (owner_id, name)
    )
    """,
    "CREATE INDEX saved_filter_shared ON observability.saved_filter (name, id) WHERE shared",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE observability.intake_rule, observability.saved_filter")
