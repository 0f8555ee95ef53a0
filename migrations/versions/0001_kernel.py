"""Kernel: the outbox and its deliveries, and what tells the right key."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute(
        """
        CREATE TABLE kernel.outbox (
            event_id uuid PRIMARY KEY,
            event_type text NOT NULL,
            occurred_at timestamptz NOT NULL,
            payload jsonb NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX outbox_by_time ON kernel.outbox (occurred_at)")
    op.execute(
        """
        CREATE TABLE kernel.delivery (
            event_id uuid NOT NULL REFERENCES kernel.outbox ON DELETE CASCADE,
            handler text NOT NULL,
            attempts int NOT NULL DEFAULT 0,
            next_at timestamptz NOT NULL DEFAULT '-infinity',
            done_at timestamptz,
            dead_at timestamptz,
            error text,
            PRIMARY KEY (event_id, handler)
        )
        """
    )
    op.execute(
        "CREATE INDEX delivery_due ON kernel.delivery (next_at, event_id) WHERE done_at IS NULL AND dead_at IS NULL"
    )
    op.execute("CREATE INDEX delivery_dead ON kernel.delivery (dead_at) WHERE dead_at IS NOT NULL")
    op.execute(
        "CREATE TABLE kernel.master_key (sole boolean PRIMARY KEY DEFAULT true CHECK (sole), proof bytea NOT NULL)"
    )
    op.execute(
        "COMMENT ON TABLE kernel.master_key IS 'a known word sealed by the key, which tells whether it is the one'"
    )


def downgrade() -> None:
    op.execute("DROP SCHEMA kernel CASCADE")
