"""Registry: its schema."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE SCHEMA registry")


def downgrade() -> None:
    op.execute("DROP SCHEMA registry CASCADE")
