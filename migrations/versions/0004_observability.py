"""Observability: its schema."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("CREATE SCHEMA observability")


def downgrade() -> None:
    op.execute("DROP SCHEMA observability CASCADE")
