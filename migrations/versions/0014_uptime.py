"""For how long each cluster was up, by day."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE registry.uptime (
            cluster_id uuid NOT NULL REFERENCES registry.clusters ON DELETE CASCADE,
            day date NOT NULL,
            known_s double precision NOT NULL,
            up_s double precision NOT NULL,
            PRIMARY KEY (cluster_id, day)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE registry.uptime")
