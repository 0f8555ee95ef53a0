"""Rules that shape alerts as they come in."""

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
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE observability.intake_rule")
