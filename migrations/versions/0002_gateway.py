"""Gateway: its schema."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE SCHEMA gateway")


def downgrade() -> None:
    op.execute("DROP SCHEMA gateway CASCADE")
