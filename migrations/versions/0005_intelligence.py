"""Intelligence: what detectors remember, anomalies, incidents and all that belongs to them."""

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = (
    "CREATE SCHEMA intelligence",
    """
    CREATE TABLE intelligence.track (
        cluster_id uuid NOT NULL,
        watch text NOT NULL,
        detector text NOT NULL,
        watermark double precision NOT NULL,
        series jsonb NOT NULL,
        state bytea NOT NULL,
        slow bytea,
        PRIMARY KEY (cluster_id, watch)
    )
    """,
    """
    CREATE TABLE intelligence.incident (
        id uuid PRIMARY KEY,
        key text NOT NULL UNIQUE,
        status text NOT NULL,
        detected_at timestamptz NOT NULL,
        last_activity_at timestamptz NOT NULL,
        acknowledged_at timestamptz,
        resolved_at timestamptz,
        revision int NOT NULL,
        ranked_revision int NOT NULL DEFAULT 0,
        causes jsonb NOT NULL DEFAULT '[]',
        causes_note text,
        title text,
        title_clusters uuid[] NOT NULL DEFAULT '{}',
        severity_rank smallint,
        origin text NOT NULL DEFAULT 'DETECTED',
        owner text,
        team_id uuid,
        merged_into uuid,
        held boolean NOT NULL DEFAULT false,
        suspect jsonb
    )
    """,
    "CREATE INDEX incident_open ON intelligence.incident (id) WHERE status IN ('OPEN', 'ACKNOWLEDGED', 'MITIGATED')",
    "CREATE INDEX incident_resolved ON intelligence.incident (resolved_at) WHERE resolved_at IS NOT NULL",
    "CREATE INDEX incident_unranked ON intelligence.incident (id) WHERE ranked_revision < revision",
    """
    CREATE TABLE intelligence.incident_cluster (
        incident_id uuid NOT NULL REFERENCES intelligence.incident ON DELETE CASCADE,
        cluster_id uuid NOT NULL,
        title text NOT NULL,
        severity_rank smallint NOT NULL,
        alert_count int NOT NULL DEFAULT 0,
        anomaly_count int NOT NULL DEFAULT 0,
        finding_count int NOT NULL DEFAULT 0,
        workloads int NOT NULL DEFAULT 0,
        PRIMARY KEY (incident_id, cluster_id)
    )
    """,
    "CREATE INDEX incident_by_cluster ON intelligence.incident_cluster (cluster_id, incident_id)",
    """
    CREATE TABLE intelligence.anomaly_group (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        kind text NOT NULL,
        name text NOT NULL,
        severity text NOT NULL,
        started_at timestamptz NOT NULL,
        last_at timestamptz NOT NULL,
        ended_at timestamptz,
        members int NOT NULL
    )
    """,
    "CREATE INDEX anomaly_group_by_place ON intelligence.anomaly_group (cluster_id, name, last_at)",
    """
    CREATE TABLE intelligence.anomaly (
        id uuid PRIMARY KEY,
        cluster_id uuid NOT NULL,
        watch text NOT NULL,
        title text NOT NULL,
        unit text NOT NULL,
        labels jsonb NOT NULL,
        subject text NOT NULL,
        kind text NOT NULL,
        detection_type text NOT NULL,
        severity text NOT NULL,
        score double precision NOT NULL,
        value double precision,
        expected double precision,
        lower double precision,
        upper double precision,
        explanation text NOT NULL,
        started_at timestamptz NOT NULL,
        detected_at timestamptz NOT NULL,
        ended_at timestamptz,
        end_reason text,
        query text NOT NULL,
        incident_id uuid REFERENCES intelligence.incident,
        group_id uuid REFERENCES intelligence.anomaly_group,
        joined_by text,
        reason text,
        maintained_by text[] NOT NULL DEFAULT '{}'
    )
    """,
    """
    CREATE INDEX anomaly_maintained ON intelligence.anomaly (id)
        WHERE ended_at IS NULL AND incident_id IS NULL AND maintained_by <> '{}'
    """,
    "CREATE UNIQUE INDEX anomaly_active ON intelligence.anomaly (cluster_id, watch, labels) WHERE ended_at IS NULL",
    "CREATE INDEX anomaly_by_cluster ON intelligence.anomaly (cluster_id, id)",
    "CREATE INDEX anomaly_by_group ON intelligence.anomaly (group_id)",
    "CREATE INDEX anomaly_by_incident ON intelligence.anomaly (incident_id)",
    """
    CREATE TABLE intelligence.incident_alert (
        incident_id uuid NOT NULL REFERENCES intelligence.incident,
        cluster_id uuid NOT NULL,
        fingerprint text NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        name text NOT NULL,
        severity text NOT NULL,
        labels jsonb NOT NULL,
        joined_by text,
        reason text,
        PRIMARY KEY (cluster_id, fingerprint, started_at)
    )
    """,
    "CREATE INDEX incident_alert_by_incident ON intelligence.incident_alert (incident_id, started_at)",
    "CREATE INDEX incident_alert_open ON intelligence.incident_alert (incident_id) WHERE ended_at IS NULL",
    # What members of an incident on a cluster have in common with others: by this, more is found to belong to it.
    """
    CREATE TABLE intelligence.incident_trait (
        incident_id uuid NOT NULL REFERENCES intelligence.incident ON DELETE CASCADE,
        cluster_id uuid NOT NULL,
        kind text NOT NULL,
        key text NOT NULL,
        phrase text,
        short text,
        members int NOT NULL,
        near smallint NOT NULL,
        first_at timestamptz NOT NULL,
        last_at timestamptz NOT NULL,
        PRIMARY KEY (incident_id, cluster_id, kind, key)
    )
    """,
    "CREATE INDEX incident_trait_by_key ON intelligence.incident_trait (kind, key, last_at)",
    """
    CREATE TABLE intelligence.incident_link (
        incident_id uuid NOT NULL REFERENCES intelligence.incident ON DELETE CASCADE,
        other_id uuid NOT NULL REFERENCES intelligence.incident ON DELETE CASCADE,
        kind text NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (incident_id, other_id)
    )
    """,
    "CREATE INDEX incident_link_other ON intelligence.incident_link (other_id)",
    """
    CREATE TABLE intelligence.timeline (
        id uuid PRIMARY KEY,
        incident_id uuid NOT NULL REFERENCES intelligence.incident ON DELETE CASCADE,
        at timestamptz NOT NULL,
        kind text NOT NULL,
        text text NOT NULL,
        anomaly_id uuid,
        alert_fingerprint text,
        cluster_id uuid,
        seen_by uuid[],
        by text
    )
    """,
    "CREATE INDEX timeline_by_incident ON intelligence.timeline (incident_id, at, id)",
    "CREATE TABLE intelligence.incident_day (day date PRIMARY KEY, last int NOT NULL)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SCHEMA intelligence CASCADE")
