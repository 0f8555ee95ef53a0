"""What log patterns mean, by their text: words for the search by words, and a vector where there is a model."""

from alembic import op

revision = "0008"
down_revision = "0007"

# pgvector makes the search faster and is not needed: without it the same is summed up by plain SQL. Whoever owns the
# database may add it at any time, so that its type is used in no table.
_VECTOR = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
        CREATE EXTENSION IF NOT EXISTS vector;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$
"""
_STATEMENTS = (
    _VECTOR,
    # Clusters share most of their patterns, and each text is kept once: `digest` is the MD5 of the text. `edition` is
    # the glossary's that gave the words; `embedding` has the length 1.
    """
    CREATE TABLE intelligence.log_meaning (
        digest uuid PRIMARY KEY,
        words tsvector NOT NULL,
        edition text NOT NULL,
        model text,
        embedding real[]
    )
    """,
    "CREATE INDEX log_pattern_by_text ON intelligence.log_pattern ((CAST(md5(pattern) AS uuid)))",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX intelligence.log_pattern_by_text")
    op.execute("DROP TABLE intelligence.log_meaning")
