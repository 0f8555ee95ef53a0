"""Intelligence: its schema."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE SCHEMA intelligence")


def downgrade() -> None:
    op.execute("DROP SCHEMA intelligence CASCADE")
