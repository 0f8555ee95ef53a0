"""What log patterns mean, in PostgreSQL; with pgvector where the database has it, else by plain SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from aiops.intelligence.domain.log_patterns import LogPattern
from aiops.intelligence.meaning.needs import Hit, Least, Question
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_FIELDS = tuple(LogPattern.__struct_fields__)
_P_COLUMNS = ", ".join(f"p.{name}" for name in _FIELDS)
_DIGEST = "CAST(md5({}) AS uuid)"
_OF_PATTERN = _DIGEST.format("p.pattern")
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR p.cluster_id = ANY(CAST(:clusters AS uuid[])))"

_UNEXPLAINED = f"""
SELECT DISTINCT p.pattern FROM intelligence.log_pattern p
LEFT JOIN intelligence.log_meaning m ON m.digest = {_OF_PATTERN}
WHERE m.digest IS NULL OR m.edition <> :edition LIMIT :limit
"""
_EXPLAIN = f"""
INSERT INTO intelligence.log_meaning AS m (digest, words, edition)
SELECT {_DIGEST.format("given.pattern")}, to_tsvector('english', given.explained), :edition
FROM unnest(CAST(:patterns AS text[]), CAST(:explained AS text[])) AS given (pattern, explained)
ON CONFLICT (digest) DO UPDATE SET words = excluded.words, edition = excluded.edition
"""
_UNEMBEDDED = f"""
SELECT p.pattern FROM intelligence.log_pattern p
JOIN intelligence.log_meaning m ON m.digest = {_OF_PATTERN}
WHERE m.model IS DISTINCT FROM :model GROUP BY p.pattern ORDER BY max(p.last_seen) DESC LIMIT :limit
"""
_EMBED = f"""
UPDATE intelligence.log_meaning SET model = :model, embedding = CAST(:vector AS real[])
WHERE digest = {_DIGEST.format(":pattern")}
"""
_FORGET_UNUSED = f"""
DELETE FROM intelligence.log_meaning m
WHERE NOT EXISTS (SELECT 1 FROM intelligence.log_pattern p WHERE {_OF_PATTERN} = m.digest)
"""
_WAITING = f"""
SELECT count(DISTINCT {_OF_PATTERN}) FROM intelligence.log_pattern p
LEFT JOIN intelligence.log_meaning m ON m.digest = {_OF_PATTERN}
WHERE {_SCOPE} AND m.model IS DISTINCT FROM :model
"""
_HAS_VECTOR = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')"
# Both vectors have the length 1, so that the cosine is the sum of their products.
_COSINE = {
    True: "1 - (CAST(m.embedding AS vector) <=> CAST(CAST(:vector AS real[]) AS vector))",
    False: "(SELECT sum(one.a * one.b) FROM unnest(m.embedding, CAST(:vector AS real[])) AS one (a, b))",
}
_SHARED_WORDS = """
coalesce(
    (SELECT count(*) FROM unnest(tsvector_to_array(m.words)) AS w (lexeme) WHERE w.lexeme = ANY(asked.lexemes))
    / sqrt(nullif(length(m.words) * cardinality(asked.lexemes), 0)), 0)
"""
_SEARCH = f"""
WITH seen AS (
    SELECT {_OF_PATTERN} AS digest, (array_agg(p.id ORDER BY p.last_seen DESC, p.id))[1] AS id,
        count(DISTINCT p.cluster_id) AS clusters
    FROM intelligence.log_pattern p
    WHERE {_SCOPE} AND (CAST(:cluster_id AS uuid) IS NULL OR p.cluster_id = :cluster_id)
        AND {_OF_PATTERN} IS DISTINCT FROM {_DIGEST.format("CAST(:without AS text)")}
    GROUP BY 1
), asked AS (
    SELECT tsvector_to_array(to_tsvector('english', :explained)) AS lexemes
), scored AS MATERIALIZED (
    SELECT seen.id, seen.clusters, p.last_seen, coalesce(p.pattern ILIKE CAST(:like AS text), false) AS literal,
        m.model IS NOT NULL AND m.model = :model AND cardinality(m.embedding) = :dimensions AS by_meaning,
        CASE WHEN p.pattern ILIKE CAST(:like AS text) THEN 1
            WHEN m.model = :model AND cardinality(m.embedding) = :dimensions THEN {{cosine}}
            ELSE greatest(word_similarity(:text, p.pattern), {_SHARED_WORDS}) END AS score
    FROM seen JOIN intelligence.log_pattern p ON p.id = seen.id CROSS JOIN asked
    LEFT JOIN intelligence.log_meaning m ON m.digest = seen.digest
), best AS (
    SELECT * FROM scored
    WHERE score >= CASE WHEN by_meaning THEN CAST(:least_by_meaning AS float8) ELSE CAST(:least_by_words AS float8) END
    ORDER BY score DESC, last_seen DESC, id LIMIT :limit
)
SELECT {_P_COLUMNS}, best.clusters AS hit_clusters, least(best.score, 1) AS hit_score,
    coalesce(best.by_meaning, false) AND NOT best.literal AS hit_by_meaning
FROM best JOIN intelligence.log_pattern p ON p.id = best.id
ORDER BY best.score DESC, best.last_seen DESC, best.id
"""


class SqlMeanings:
    async def unexplained(self, tx: Transaction, edition: str, limit: int) -> list[str]:
        rows = await _run(tx, _UNEXPLAINED, edition=edition, limit=limit)
        return [str(row.pattern) for row in rows]

    async def explain(self, tx: Transaction, edition: str, explained: Mapping[str, str]) -> None:
        await _run(
            tx, _EXPLAIN, edition=edition, patterns=list(explained), explained=list(explained.values())
        )  # fmt: skip

    async def unembedded(self, tx: Transaction, model: str, limit: int) -> list[str]:
        rows = await _run(tx, _UNEMBEDDED, model=model, limit=limit)
        return [str(row.pattern) for row in rows]

    async def embed(self, tx: Transaction, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        rows = [{"model": model, "pattern": one, "vector": list(vector)} for one, vector in vectors.items()]
        if rows:
            await connection_of(tx).execute(text(_EMBED), rows)

    async def embedded(self, tx: Transaction, model: str) -> int:
        counted = await _run(tx, "SELECT count(*) FROM intelligence.log_meaning WHERE model = :model", model=model)
        return int(counted.scalar() or 0)

    async def vector(self, tx: Transaction, model: str, text: str) -> list[float] | None:
        found = await _run(
            tx,
            "SELECT embedding FROM intelligence.log_meaning"
            f" WHERE digest = {_DIGEST.format('CAST(:pattern AS text)')} AND model = :model",
            pattern=text,
            model=model,
        )
        vector = found.scalar()
        return None if vector is None else [float(one) for one in vector]

    async def forget_unused(self, tx: Transaction) -> int:
        return int((await _run(tx, _FORGET_UNUSED)).rowcount)

    async def search(
        self,
        tx: Transaction,
        question: Question,
        clusters: Sequence[UUID] | None,
        cluster_id: UUID | None,
        least: Least,
        limit: int,
    ) -> list[Hit]:
        has_vector = bool((await _run(tx, _HAS_VECTOR)).scalar())
        rows = await _run(
            tx,
            _SEARCH.replace("{cosine}", _COSINE[has_vector]),
            clusters=None if clusters is None else list(clusters),
            cluster_id=cluster_id,
            without=question.without,
            text=question.text,
            explained=question.explained,
            like=f"%{_escaped(question.text)}%" if question.literal else None,
            model=question.model,
            # pgvector refuses an empty one even where nothing reads it.
            vector=question.vector,
            dimensions=len(question.vector or []),
            least_by_meaning=least.by_meaning,
            least_by_words=least.by_words,
            limit=limit,
        )
        return [
            Hit(pattern=pattern, clusters=row.hit_clusters, score=float(row.hit_score), by_meaning=row.hit_by_meaning)
            for row in rows
            for pattern in rows_to(LogPattern, [row])
        ]

    async def waiting(self, tx: Transaction, model: str, clusters: Sequence[UUID] | None) -> int:
        counted = await _run(tx, _WAITING, model=model, clusters=None if clusters is None else list(clusters))
        return int(counted.scalar() or 0)


def _escaped(wanted: str) -> str:
    return wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _run(tx: Transaction, statement: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(statement), values)
