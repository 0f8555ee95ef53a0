"""Maintenance windows, the silences pushed for them, and reminders of silences."""

from alembic import op

revision = "0016"
down_revision = "0015"

_STATEMENTS = (
    """
    CREATE TABLE observability.maintenance_window (
        id uuid PRIMARY KEY,
        title text NOT NULL,
        comment text NOT NULL,
        timezone text NOT NULL,
        starts_local timestamp NOT NULL,
        duration_s int NOT NULL,
        rrule text NOT NULL,
        cluster_ids uuid[],
        matchers jsonb NOT NULL,
        push boolean NOT NULL,
        cuts jsonb NOT NULL,
        over_at timestamptz,
        owner_id text NOT NULL,
        owner text NOT NULL,
        revision int NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        told_at timestamptz
    )
    """,
    """
    CREATE TABLE observability.maintenance_silence (
        window_id uuid NOT NULL,
        starts_at timestamptz NOT NULL,
        cluster_id uuid NOT NULL,
        ends_at timestamptz NOT NULL,
        revision int NOT NULL,
        tried_at timestamptz NOT NULL,
        silence_id text,
        error text,
        PRIMARY KEY (window_id, starts_at, cluster_id)
    )
    """,
    """
    CREATE TABLE observability.silence_reminder (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        cluster_id uuid NOT NULL,
        silence_id text NOT NULL,
        title text NOT NULL,
        created_by text NOT NULL,
        since timestamptz NOT NULL,
        until timestamptz NOT NULL,
        hides int NOT NULL,
        at timestamptz NOT NULL,
        dismissed_by text,
        dismissed_at timestamptz
    )
    """,
    "CREATE INDEX reminder_by_silence ON observability.silence_reminder (cluster_id, silence_id, kind, at DESC)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("silence_reminder", "maintenance_silence", "maintenance_window"):
        op.execute(f"DROP TABLE observability.{table}")
