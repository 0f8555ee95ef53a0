"""Registry: clusters, the history of their health, and which of them is this machine."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE SCHEMA registry")
    op.execute(
        """
        CREATE TABLE registry.clusters (
            id uuid PRIMARY KEY,
            name text COLLATE "C" NOT NULL CONSTRAINT clusters_name UNIQUE,
            display_name text NOT NULL,
            cluster_type text NOT NULL,
            platform text NOT NULL,
            environment text NOT NULL,
            region text,
            labels jsonb NOT NULL,
            platform_version text,
            api_server_url text,
            prometheus_url text,
            alertmanager_url text,
            alertmanager_peer_url text,
            loki_url text,
            tempo_url text,
            selector jsonb NOT NULL,
            tls jsonb NOT NULL,
            proxy_url text,
            header_names text[] NOT NULL,
            own_sign_ins text[] NOT NULL,
            capabilities jsonb,
            managed_by text,
            credential_kind text NOT NULL,
            credential_expires_at timestamptz,
            secrets bytea,
            state text NOT NULL,
            connectivity text NOT NULL,
            health_score int,
            endpoints jsonb NOT NULL,
            recent boolean[] NOT NULL DEFAULT '{}',
            checked_at timestamptz,
            warnings text[] NOT NULL DEFAULT '{}',
            next_probe_at timestamptz NOT NULL,
            next_discovery_at timestamptz NOT NULL,
            next_renewal_at timestamptz,
            renewal_problem text,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            last_seen_at timestamptz
        )
        """
    )
    op.execute(
        "COMMENT ON COLUMN registry.clusters.secrets IS"
        " 'credentials, what they were exchanged for, values of headers; sealed: AES-256-GCM bound to the id'"
    )
    op.execute("COMMENT ON COLUMN registry.clusters.managed_by IS 'the file of a fleet that added it'")
    op.execute("COMMENT ON COLUMN registry.clusters.recent IS 'outcomes of the last probes, oldest first'")
    op.execute("CREATE INDEX clusters_due ON registry.clusters (next_probe_at)")
    op.execute("CREATE INDEX clusters_undiscovered ON registry.clusters (next_discovery_at)")
    op.execute("CREATE INDEX clusters_renewed ON registry.clusters (next_renewal_at)")
    op.execute("CREATE INDEX clusters_by_label ON registry.clusters USING gin (labels jsonb_path_ops)")
    op.execute(
        """
        CREATE TABLE registry.health_history (
            cluster_id uuid NOT NULL REFERENCES registry.clusters ON DELETE CASCADE,
            at timestamptz NOT NULL,
            state text NOT NULL,
            connectivity text NOT NULL,
            health_score int,
            endpoints jsonb NOT NULL,
            PRIMARY KEY (cluster_id, at)
        )
        """
    )
    op.execute("CREATE INDEX health_history_by_time ON registry.health_history (at)")
    op.execute(
        """
        CREATE TABLE registry.local_cluster (
            sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
            cluster_id uuid NOT NULL
        )
        """
    )
    op.execute(
        "COMMENT ON TABLE registry.local_cluster IS 'stays when its cluster is removed, so that it stays removed'"
    )


def downgrade() -> None:
    op.execute("DROP SCHEMA registry CASCADE")
