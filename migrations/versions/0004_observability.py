"""Observability: series and their samples, sources that push, alerts and their history."""

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = (
    "CREATE SCHEMA observability",
    """
    CREATE TABLE observability.series (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cluster_id uuid NOT NULL,
        fingerprint bytea NOT NULL,
        name text NOT NULL,
        labels jsonb NOT NULL,
        last_day int,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (cluster_id, fingerprint)
    )
    """,
    "CREATE INDEX series_by_name ON observability.series (cluster_id, name)",
    "CREATE TABLE observability.series_epoch (cluster_id uuid PRIMARY KEY, epoch bigint NOT NULL)",
    """
    CREATE TABLE observability.head (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cluster_id uuid NOT NULL,
        min_ms bigint NOT NULL,
        max_ms bigint NOT NULL,
        samples bytea NOT NULL
    )
    """,
    "ALTER TABLE observability.head ALTER COLUMN samples SET STORAGE EXTERNAL",
    "CREATE INDEX head_by_time ON observability.head (cluster_id, max_ms)",
    """
    CREATE TABLE observability.chunk (
        series_id bigint NOT NULL,
        start_ms bigint NOT NULL,
        end_ms bigint NOT NULL,
        samples bytea NOT NULL,
        PRIMARY KEY (series_id, start_ms)
    ) PARTITION BY RANGE (start_ms)
    """,
    "ALTER TABLE observability.chunk ALTER COLUMN samples SET STORAGE EXTERNAL",
    *(
        f"""
        CREATE TABLE observability.rollup_{level} (
            cluster_id uuid NOT NULL,
            block bigint NOT NULL,
            start_ms bigint NOT NULL,
            end_ms bigint NOT NULL,
            buckets int NOT NULL,
            samples bytea NOT NULL,
            PRIMARY KEY (cluster_id, block, start_ms)
        ) PARTITION BY RANGE (start_ms)
        """
        for level in ("1m", "5m", "15m")
    ),
    *(
        f"ALTER TABLE observability.rollup_{level} ALTER COLUMN samples SET STORAGE EXTERNAL"
        for level in ("1m", "5m", "15m")
    ),
    "CREATE TABLE observability.horizon (name text PRIMARY KEY, from_ms bigint NOT NULL)",
    # Appends share a lock that whoever deletes series takes alone. It is a function so that both statements are one
    # round trip, the second with a snapshot that was taken when the lock was held already.
    """
    CREATE FUNCTION observability.append(
        target uuid, of_epoch bigint, oldest bigint, newest bigint, columns bytea
    ) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(1634757732, hashtext(target::text));
        INSERT INTO observability.head (cluster_id, min_ms, max_ms, samples)
        SELECT target, oldest, newest, columns
        WHERE coalesce((SELECT epoch FROM observability.series_epoch WHERE cluster_id = target), 0) = of_epoch;
        RETURN FOUND;
    END $$
    """,
    """
    CREATE FUNCTION observability.hold_appends(target uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(1634757732, hashtext(target::text));
    END $$
    """,
    """
    CREATE TABLE observability.source (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        cluster_id uuid NOT NULL,
        token_hash bytea NOT NULL UNIQUE,
        alert_settings jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL,
        UNIQUE (cluster_id, name)
    )
    """,
    """
    CREATE TABLE observability.alert (
        cluster_id uuid NOT NULL,
        fingerprint text NOT NULL,
        name text NOT NULL,
        severity text NOT NULL,
        severity_rank smallint NOT NULL,
        sender_severity text,
        state text NOT NULL,
        labels jsonb NOT NULL,
        annotations jsonb NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz,
        generator_url text,
        occurrences int NOT NULL,
        received_at timestamptz NOT NULL,
        suppressed boolean NOT NULL DEFAULT false,
        silenced_by text[] NOT NULL DEFAULT '{}',
        inhibited_by text[] NOT NULL DEFAULT '{}',
        pulled boolean NOT NULL DEFAULT false,
        maintained_by text[] NOT NULL DEFAULT '{}',
        maintained boolean NOT NULL GENERATED ALWAYS AS (maintained_by <> '{}') STORED,
        source text NOT NULL DEFAULT 'alertmanager',
        starts timestamptz[] NOT NULL DEFAULT '{}',
        flapping boolean NOT NULL DEFAULT false,
        members text[] NOT NULL DEFAULT '{}',
        original jsonb,
        status text NOT NULL DEFAULT 'NEW',
        assignee text,
        snoozed_until timestamptz,
        escalated_to text,
        search text NOT NULL,
        PRIMARY KEY (cluster_id, fingerprint)
    ) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05)
    """,
    """
    CREATE TABLE observability.alert_pull (
        cluster_id uuid PRIMARY KEY,
        next_at timestamptz NOT NULL,
        asked_at timestamptz,
        answered_at timestamptz,
        error text
    )
    """,
    "CREATE INDEX alert_by_start ON observability.alert (starts_at, cluster_id, fingerprint)",
    """
    CREATE INDEX alert_open ON observability.alert (starts_at, cluster_id, fingerprint)
    INCLUDE (state, severity, status, assignee, snoozed_until, flapping, maintained) WHERE state <> 'RESOLVED'
    """,
    # Groups are counted without a look into the rows; an index has no room for one whose labels are long.
    """
    CREATE INDEX alert_grouped ON observability.alert (cluster_id, starts_at)
    INCLUDE (name, labels, state, severity, severity_rank, status, assignee, snoozed_until, flapping, maintained)
    WHERE state <> 'RESOLVED' AND octet_length(name) + octet_length(CAST(labels AS text)) <= 1000
    """,
    """
    CREATE INDEX alert_grouped_apart ON observability.alert (cluster_id, starts_at)
    WHERE state <> 'RESOLVED' AND octet_length(name) + octet_length(CAST(labels AS text)) > 1000
    """,
    "CREATE INDEX alert_by_label ON observability.alert USING gin (labels jsonb_path_ops) WHERE state <> 'RESOLVED'",
    "CREATE INDEX alert_ended ON observability.alert (starts_at, cluster_id, fingerprint) WHERE state = 'RESOLVED'",
    "CREATE INDEX alert_by_pull ON observability.alert (cluster_id) WHERE pulled AND state <> 'RESOLVED'",
    "CREATE INDEX alert_maintained ON observability.alert (cluster_id) WHERE maintained_by <> '{}'",
    "CREATE INDEX alert_snoozed ON observability.alert (snoozed_until) WHERE snoozed_until IS NOT NULL",
    "CREATE INDEX alert_flapping ON observability.alert (starts_at) WHERE flapping",
    # What is open is searched by its text; what has ended is looked through from the newest on.
    """
    CREATE INDEX alert_by_text ON observability.alert USING gin (search gin_trgm_ops) WHERE state <> 'RESOLVED'
    """,
    """
    CREATE TABLE observability.alert_history (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        fingerprint text NOT NULL,
        name text NOT NULL,
        state text NOT NULL,
        severity text NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX alert_history_by_alert ON observability.alert_history (cluster_id, fingerprint, at DESC, id DESC)",
    "CREATE INDEX alert_history_by_time ON observability.alert_history (at DESC, id DESC)",
    """
    CREATE TABLE observability.alert_act (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        fingerprint text NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        kind text NOT NULL,
        was text,
        became text,
        text text
    )
    """,
    "CREATE INDEX alert_act_by_alert ON observability.alert_act (cluster_id, fingerprint, at DESC, id DESC)",
    "CREATE INDEX alert_act_by_time ON observability.alert_act (at DESC, id DESC)",
    """
    CREATE TABLE observability.dashboard (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        description text NOT NULL,
        owner_id text NOT NULL,
        owner text NOT NULL,
        shared boolean NOT NULL,
        panels jsonb NOT NULL,
        revision int NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        UNIQUE (owner_id, name)
    )
    """,
    "CREATE INDEX dashboard_by_name ON observability.dashboard (name, id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SCHEMA observability CASCADE")
