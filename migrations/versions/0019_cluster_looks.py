"""What each cluster's objects were when the hub last looked for changes."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE intelligence.cluster_look (
            cluster_id uuid PRIMARY KEY,
            due_at timestamptz NOT NULL,
            looked_at timestamptz,
            objects integer NOT NULL DEFAULT 0,
            notes jsonb NOT NULL DEFAULT '[]',
            error text,
            memory bytea
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE intelligence.cluster_look")
