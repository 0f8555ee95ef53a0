"""How often what is said in other words is found first among all patterns: by the local model at least 0.80.

Pairs of log messages and paraphrases that share no content word (`bench/paraphrases.tsv`); each paraphrase is looked up
among the patterns of its set. Beside it the model without the hub's glossary, the search by words (pg_trgm and full
text, as it works where there is no model), pairs that nobody thought of when the glossary was written, and the cost.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence

import numpy as np
import psutil
import psycopg

from aiops.intelligence.meaning.local import LocalModel
from aiops.intelligence.meaning.needs import Vectors
from bench.hub import migrated_postgres
from bench.paraphrases import Pair, pairs, shared_words
from bench.verdict import at_least, at_most, told

TAKES = "15 s"
BOUND, FEWEST = 0.80, 60
_TRIGRAM = "SELECT pattern FROM unnest(%(patterns)s::text[]) AS p (pattern) ORDER BY {} DESC LIMIT 1"
_MEASURES = {
    "trigram (pg_trgm)": "word_similarity(%(words)s, pattern)",
    "full text": "ts_rank(to_tsvector('english', pattern), "
    "replace(plainto_tsquery('english', %(words)s)::text, '&', '|')::tsquery)",
}


def main() -> int:
    every = pairs()
    foreseen, unforeseen = [one for one in every if one.foreseen], [one for one in every if not one.foreseen]
    held = [
        at_least("pairs", len(foreseen), FEWEST, "", f"{len({one.area for one in foreseen})} areas"),
        at_most("pairs that share a content word", sum(bool(shared_words(one)) for one in every), 0),
    ]
    before = psutil.Process().memory_info().rss
    whole, alone = LocalModel(), LocalModel(with_glossary=False)
    whole.embed_now(["a first one loads it"])
    loaded = psutil.Process().memory_info().rss
    held.append(at_least("recall@1, local model", _by_meaning(whole, foreseen), BOUND))
    told("recall@1, the model without the glossary", _by_meaning(alone, foreseen))
    for name, (known, new) in _by_words(foreseen, unforeseen).items():
        told(f"recall@1, {name}", known, "", f"{new:.2f} of the unforeseen")
    told("recall@1, local model, unforeseen failures", _by_meaning(whole, unforeseen), "", f"{len(unforeseen)} pairs")
    told("recall@1, the model without the glossary, unforeseen failures", _by_meaning(alone, unforeseen))
    _cost(whole, every, (loaded - before) / 1e6)
    return 0 if all(held) else 1


def _by_meaning(model: LocalModel, some: Sequence[Pair]) -> float:
    patterns = model.embed_now([one.pattern for one in some])
    return _found_first(model.embed_now([one.words for one in some]), patterns)


def _found_first(questions: Vectors, patterns: Vectors) -> float:
    return float(np.mean((questions @ patterns.T).argmax(axis=1) == np.arange(len(questions))))


def _by_words(*sets: Sequence[Pair]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in _MEASURES}
    with migrated_postgres() as url, psycopg.connect(url) as connection:
        for some in sets:
            patterns = [one.pattern for one in some]
            for name, measure in _MEASURES.items():
                hits = 0
                for one in some:
                    row = connection.execute(
                        _TRIGRAM.format(measure), {"patterns": patterns, "words": one.words}
                    ).fetchone()
                    hits += row is not None and row[0] == one.pattern
                found[name].append(hits / len(some))
    return found


def _cost(model: LocalModel, every: Sequence[Pair], loaded_mb: float) -> None:
    texts = [one.pattern for one in every]
    began = time.process_time()
    model.embed_now(texts)
    told("patterns embedded", len(texts) / (time.process_time() - began), " a second of one core")
    began = time.process_time()
    for one in every[:10]:
        model.embed_now([one.words])
    told("one question", (time.process_time() - began) / 10 * 1e3, " ms", "CPU time")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told("memory that the loaded model adds", loaded_mb, " MB", f"{peak:.0f} MB the most of this whole process")


if __name__ == "__main__":
    sys.exit(main())
