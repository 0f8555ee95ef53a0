"""Rules that people write for the gathering of alerts, and the teams that own services."""

from alembic import op

revision = "0011"
down_revision = "0010"

_STATEMENTS = (
    """
    CREATE TABLE intelligence.correlation_rule (
        id uuid PRIMARY KEY,
        name text NOT NULL UNIQUE,
        expression text NOT NULL,
        action text NOT NULL,
        group_by text[] NOT NULL,
        within_s int NOT NULL,
        enabled boolean NOT NULL,
        place int NOT NULL,
        note text NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL,
        failures bigint NOT NULL DEFAULT 0,
        last_failure text,
        left_out_until timestamptz
    )
    """,
    """
    CREATE TABLE intelligence.team (
        id uuid PRIMARY KEY,
        name text NOT NULL UNIQUE,
        matchers jsonb NOT NULL,
        members text[] NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("team", "correlation_rule"):
        op.execute(f"DROP TABLE intelligence.{table}")
