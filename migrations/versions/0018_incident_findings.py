"""Forecasts and log findings as members of incidents."""

from alembic import op

revision = "0018"
down_revision = "0017"

_STATEMENTS = (
    # Without an incident while it waits for one.
    """
    CREATE TABLE intelligence.incident_finding (
        id uuid PRIMARY KEY,
        incident_id uuid REFERENCES intelligence.incident,
        kind text NOT NULL,
        source_id uuid NOT NULL,
        cluster_id uuid NOT NULL,
        name text NOT NULL,
        subject text NOT NULL,
        phrase text NOT NULL,
        short text NOT NULL,
        explanation text NOT NULL,
        severity text NOT NULL,
        labels jsonb NOT NULL,
        opens boolean NOT NULL,
        started_at timestamptz NOT NULL,
        detected_at timestamptz NOT NULL,
        ended_at timestamptz,
        joined_by text,
        reason text,
        maintained_by text[] NOT NULL DEFAULT '{}'
    )
    """,
    """
    CREATE UNIQUE INDEX incident_finding_open ON intelligence.incident_finding
        (source_id, kind, (CASE WHEN kind = 'LOG_PATTERN' THEN subject ELSE '' END)) WHERE ended_at IS NULL
    """,
    "CREATE INDEX incident_finding_by_incident ON intelligence.incident_finding (incident_id, started_at)",
    """
    CREATE INDEX incident_finding_waiting ON intelligence.incident_finding (cluster_id)
        WHERE incident_id IS NULL AND ended_at IS NULL
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE intelligence.incident_finding")
