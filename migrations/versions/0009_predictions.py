"""Predictions: what is foreseen of series, how much was looked at, and how former forecasts did."""

from alembic import op

revision = "0009"
down_revision = "0008"

_STATEMENTS = (
    """
    CREATE TABLE intelligence.prediction (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        target text NOT NULL,
        title text NOT NULL,
        unit text NOT NULL,
        subject text NOT NULL,
        labels jsonb NOT NULL,
        query text NOT NULL,
        threshold double precision NOT NULL,
        happens text NOT NULL,
        outlook text NOT NULL,
        sentence text NOT NULL,
        value double precision NOT NULL,
        made_at timestamptz NOT NULL,
        crosses_at timestamptz,
        earliest timestamptz,
        latest timestamptz,
        warned_at timestamptz,
        model text,
        loss double precision,
        naive_loss double precision,
        moments int NOT NULL,
        window_s double precision NOT NULL,
        step_s double precision NOT NULL,
        history jsonb NOT NULL,
        path jsonb NOT NULL,
        UNIQUE (cluster_id, target, labels)
    )
    """,
    "CREATE INDEX prediction_by_urgency ON intelligence.prediction ((coalesce(crosses_at, 'infinity')), id)",
    """
    CREATE TABLE intelligence.prediction_survey (
        cluster_id uuid NOT NULL,
        target text NOT NULL,
        title text NOT NULL,
        looked_at timestamptz NOT NULL,
        series int NOT NULL,
        crossing int NOT NULL,
        refused int NOT NULL,
        left_out int NOT NULL,
        error text,
        PRIMARY KEY (cluster_id, target)
    )
    """,
    """
    CREATE TABLE intelligence.prediction_check (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        target text NOT NULL,
        labels jsonb NOT NULL,
        lead_s double precision NOT NULL,
        made_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        point double precision NOT NULL,
        lower double precision NOT NULL,
        upper double precision NOT NULL,
        naive double precision NOT NULL,
        actual double precision
    )
    """,
    "CREATE INDEX prediction_check_due ON intelligence.prediction_check (cluster_id, target, due_at)",
    "CREATE INDEX prediction_check_old ON intelligence.prediction_check (due_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("prediction_check", "prediction_survey", "prediction"):
        op.execute(f"DROP TABLE intelligence.{table}")
