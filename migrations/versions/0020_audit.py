"""The audit trail: rows are only ever added, and go no earlier than a month later."""

from alembic import op

revision = "0020"
down_revision = "0019"

_STATEMENTS = (
    """
    CREATE TABLE kernel.audit (
        id uuid PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        who text NOT NULL,
        who_id text NOT NULL,
        who_kind text NOT NULL,
        action text NOT NULL,
        subject jsonb NOT NULL,
        details jsonb NOT NULL,
        events text[] NOT NULL,
        cluster_ids uuid[] NOT NULL,
        source text NOT NULL,
        outcome text NOT NULL
    )
    """,
    "CREATE INDEX audit_by_time ON kernel.audit (at DESC, id DESC)",
    "CREATE INDEX audit_by_who ON kernel.audit (who, at DESC, id DESC)",
    """
    CREATE FUNCTION kernel.audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' OR OLD.at > now() - interval '30 days' THEN
            RAISE EXCEPTION 'the audit trail is only ever added to';
        END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON kernel.audit
        FOR EACH ROW EXECUTE FUNCTION kernel.audit_stays()
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE kernel.audit")
    op.execute("DROP FUNCTION kernel.audit_stays")
