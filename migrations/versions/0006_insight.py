"""Insight: watches of people's own, what was set on shipped ones, and what was said of findings."""

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
    """
    CREATE TABLE intelligence.feedback (
        anomaly_id uuid PRIMARY KEY REFERENCES intelligence.anomaly ON DELETE CASCADE,
        cluster_id uuid NOT NULL,
        watch text NOT NULL,
        labels jsonb NOT NULL,
        kind text NOT NULL,
        verdict text NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL,
        note text NOT NULL,
        factor double precision NOT NULL,
        until timestamptz
    )
    """,
    "CREATE INDEX feedback_by_watch ON intelligence.feedback (cluster_id, watch)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE intelligence.feedback")
    op.execute("DROP TABLE observability.watch")
