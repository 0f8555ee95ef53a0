"""Changes: deployments, configuration and scaling, and who may tell of them."""

from alembic import op

revision = "0010"
down_revision = "0009"

_STATEMENTS = (
    """
    CREATE TABLE intelligence.change_source (
        id uuid PRIMARY KEY,
        name text NOT NULL UNIQUE,
        kind text NOT NULL,
        cluster_id uuid,
        places jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        sealed bytea NOT NULL
    )
    """,
    """
    CREATE TABLE intelligence.change (
        id uuid PRIMARY KEY,
        at timestamptz NOT NULL,
        told_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        kind text NOT NULL,
        title text NOT NULL,
        source text NOT NULL,
        source_id uuid,
        key text NOT NULL,
        cluster_id uuid,
        namespace text NOT NULL,
        service text NOT NULL,
        workload text NOT NULL,
        version_from text NOT NULL,
        version_to text NOT NULL,
        author text NOT NULL,
        url text NOT NULL,
        outcome text,
        labels jsonb NOT NULL,
        original bytea,
        UNIQUE NULLS NOT DISTINCT (source_id, cluster_id, key)
    )
    """,
    "CREATE INDEX change_by_time ON intelligence.change (at DESC, id DESC)",
    "CREATE INDEX change_by_cluster ON intelligence.change (cluster_id, at DESC, id DESC)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("change", "change_source"):
        op.execute(f"DROP TABLE intelligence.{table}")
