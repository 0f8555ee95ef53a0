"""Topology: things and what they need, each row as one origin tells it, and when each origin was last looked at."""

from alembic import op

revision = "0013"
down_revision = "0012"

_STATEMENTS = (
    # `last_seen` is null for as long as the origin still tells of it: then it was seen when that was last looked at.
    """
    CREATE TABLE intelligence.topology_node (
        id uuid NOT NULL,
        origin text NOT NULL,
        cluster_id uuid,
        kind text NOT NULL,
        namespace text NOT NULL,
        name text NOT NULL,
        attributes jsonb NOT NULL,
        matchers jsonb NOT NULL,
        first_seen timestamptz NOT NULL,
        last_seen timestamptz,
        PRIMARY KEY (id, origin)
    )
    """,
    "CREATE INDEX topology_node_cluster ON intelligence.topology_node (cluster_id, origin)",
    # `cluster_id` is where it was looked for; null for what a file says.
    """
    CREATE TABLE intelligence.topology_edge (
        source uuid NOT NULL,
        target uuid NOT NULL,
        kind text NOT NULL,
        origin text NOT NULL,
        cluster_id uuid,
        first_seen timestamptz NOT NULL,
        last_seen timestamptz,
        PRIMARY KEY (source, target, kind, origin)
    )
    """,
    "CREATE INDEX topology_edge_target ON intelligence.topology_edge (target)",
    "CREATE INDEX topology_edge_cluster ON intelligence.topology_edge (cluster_id, origin)",
    """
    CREATE TABLE intelligence.topology_origin (
        origin text NOT NULL,
        cluster_id uuid,
        looked_at timestamptz,
        claimed_until timestamptz,
        revision bigint NOT NULL DEFAULT 0,
        nodes int NOT NULL DEFAULT 0,
        edges int NOT NULL DEFAULT 0,
        left_out int NOT NULL DEFAULT 0,
        notes jsonb NOT NULL DEFAULT '[]',
        error text,
        changed_by text,
        UNIQUE NULLS NOT DISTINCT (origin, cluster_id)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("topology_origin", "topology_edge", "topology_node"):
        op.execute(f"DROP TABLE intelligence.{table}")
