"""Patterns of log lines: what each is, how often it came, its latest lines, what was found, how far was read."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    # `key` and `shown` are the miner's words; `rhythm` is what its rate was learned to be.
    """
    CREATE TABLE intelligence.log_pattern (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        pattern text NOT NULL,
        key text[] NOT NULL,
        shown text[] NOT NULL,
        severity text NOT NULL,
        severity_rank smallint NOT NULL,
        failure_class text,
        first_seen timestamptz NOT NULL,
        last_seen timestamptz NOT NULL,
        count bigint NOT NULL,
        labels jsonb NOT NULL,
        example text NOT NULL,
        source text NOT NULL,
        rhythm jsonb NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX log_pattern_by_cluster ON intelligence.log_pattern (cluster_id, last_seen, id)",
    "CREATE INDEX log_pattern_by_last_seen ON intelligence.log_pattern (last_seen, id)",
    "CREATE INDEX log_pattern_by_count ON intelligence.log_pattern (count, id)",
    "CREATE INDEX log_pattern_by_first_seen ON intelligence.log_pattern (first_seen, id)",
    "CREATE INDEX log_pattern_by_change ON intelligence.log_pattern (changed_at, id)",
    """
    CREATE TABLE intelligence.log_pattern_count (
        pattern_id uuid NOT NULL REFERENCES intelligence.log_pattern ON DELETE CASCADE,
        at timestamptz NOT NULL,
        count int NOT NULL,
        PRIMARY KEY (pattern_id, at)
    )
    """,
    "CREATE INDEX log_pattern_count_by_time ON intelligence.log_pattern_count (at)",
    """
    CREATE TABLE intelligence.log_pattern_line (
        id uuid PRIMARY KEY,
        pattern_id uuid NOT NULL REFERENCES intelligence.log_pattern ON DELETE CASCADE,
        at timestamptz NOT NULL,
        line text NOT NULL,
        labels jsonb NOT NULL,
        level text
    )
    """,
    "CREATE INDEX log_pattern_line_by_pattern ON intelligence.log_pattern_line (pattern_id, at, id)",
    """
    CREATE TABLE intelligence.log_finding (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        pattern_id uuid NOT NULL,
        kind text NOT NULL,
        pattern text NOT NULL,
        severity text NOT NULL,
        failure_class text,
        explanation text NOT NULL,
        value double precision NOT NULL,
        expected double precision,
        started_at timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE INDEX log_finding_by_cluster ON intelligence.log_finding (cluster_id, id)",
    "CREATE UNIQUE INDEX log_finding_open ON intelligence.log_finding (pattern_id, kind) WHERE ended_at IS NULL",
    """
    CREATE TABLE intelligence.log_source (
        cluster_id uuid NOT NULL,
        source text NOT NULL,
        position text NOT NULL,
        revision bigint NOT NULL,
        since timestamptz NOT NULL,
        read_at timestamptz NOT NULL,
        lines bigint NOT NULL,
        skipped_s double precision NOT NULL,
        full_lines bigint NOT NULL,
        note text,
        PRIMARY KEY (cluster_id, source)
    )
    """,
)

_TABLES = ("log_source", "log_finding", "log_pattern_line", "log_pattern_count", "log_pattern")


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"DROP TABLE intelligence.{table}")
