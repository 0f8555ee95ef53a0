"""Runbooks, what people say of ranked causes, and what resolved an incident."""

from alembic import op

revision = "0017"
down_revision = "0016"

_STATEMENTS = (
    """
    CREATE TABLE intelligence.runbook (
        id uuid PRIMARY KEY,
        title text NOT NULL UNIQUE,
        markdown text NOT NULL,
        matchers jsonb NOT NULL,
        owner text NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE intelligence.cause_verdict (
        incident_id uuid NOT NULL REFERENCES intelligence.incident ON DELETE CASCADE,
        cluster_id uuid,
        subject text NOT NULL,
        title text NOT NULL,
        place int NOT NULL,
        confidence double precision NOT NULL,
        conclusive boolean NOT NULL,
        verdict text NOT NULL,
        note text NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL,
        UNIQUE NULLS NOT DISTINCT (incident_id, cluster_id, subject)
    )
    """,
    """
    CREATE TABLE intelligence.resolution (
        incident_id uuid PRIMARY KEY REFERENCES intelligence.incident ON DELETE CASCADE,
        note text NOT NULL,
        clusters uuid[] NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("resolution", "cause_verdict", "runbook"):
        op.execute(f"DROP TABLE intelligence.{table}")
