"""How often what is said in other words is found first among all patterns: by the local model at least 0.80.

Pairs of log messages and paraphrases that share no content word (`bench/paraphrases.tsv`); each paraphrase is looked up
among the patterns of its set. Beside it the model without the hub's glossary, the search by words, bare trigrams, pairs
that nobody thought of when the glossary was written, and the cost.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np
import psutil
from sqlalchemy import text

from aiops.intelligence.meaning.job import MeaningJob
from aiops.intelligence.meaning.local import LocalModel
from aiops.intelligence.meaning.needs import Model, Vectors
from aiops.intelligence.meaning.search import PatternSearch
from aiops.intelligence.store.log_meaning import SqlMeanings
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from bench.hub import migrated_postgres
from bench.paraphrases import Pair, pairs, shared_words
from bench.verdict import at_least, at_most, told
from tests.intelligence.meaning_seeds import keep_patterns

TAKES = "20 s"
BOUND, FEWEST = 0.80, 60
_TRIGRAM = "SELECT one FROM unnest(CAST(:patterns AS text[])) AS one ORDER BY word_similarity(:words, one) DESC LIMIT 1"


def main() -> int:
    every = pairs()
    foreseen, unforeseen = [one for one in every if one.foreseen], [one for one in every if not one.foreseen]
    held = [
        at_least("pairs", len(foreseen), FEWEST, "", f"{len({one.area for one in foreseen})} areas"),
        at_most("pairs that share a content word", sum(bool(shared_words(one)) for one in every), 0),
    ]
    whole, alone = LocalModel(), LocalModel(with_glossary=False)
    memory = _memory_of(whole, every)
    held.append(at_least("recall@1, local model", _by_meaning(whole, foreseen), BOUND))
    told("recall@1, the model without the glossary", _by_meaning(alone, foreseen))
    (words, trigram), (new_words, new_trigram) = asyncio.run(_by_words(foreseen, unforeseen))
    told("recall@1, by words as the hub searches without a model", words, "", f"{new_words:.2f} of the unforeseen")
    told("recall@1, trigrams of the bare texts (pg_trgm)", trigram, "", f"{new_trigram:.2f} of the unforeseen")
    told("recall@1, local model, unforeseen failures", _by_meaning(whole, unforeseen), "", f"{len(unforeseen)} pairs")
    told("recall@1, the model without the glossary, unforeseen failures", _by_meaning(alone, unforeseen))
    _cost(whole, every)
    told("memory that the model keeps", memory[0], " MB", f"for the moment of a run {memory[1]:.0f} MB")
    return 0 if all(held) else 1


def _by_meaning(model: LocalModel, some: Sequence[Pair]) -> float:
    patterns = model.embed_now([one.pattern for one in some])
    return _found_first(model.embed_now([one.words for one in some]), patterns)


def _found_first(questions: Vectors, patterns: Vectors) -> float:
    return float(np.mean((questions @ patterns.T).argmax(axis=1) == np.arange(len(questions))))


async def _by_words(*sets: Sequence[Pair]) -> list[tuple[float, float]]:
    """Of each set the recall of the hub's search by words, and of nothing but trigrams."""
    found = []
    for some in sets:
        with migrated_postgres() as url:
            database = Database(url)
            await keep_patterns(database, new_id(), *(one.pattern for one in some))
            none = Model(None, "this is about words")
            await MeaningJob(database, SystemClock(), SqlMeanings(), none).step()
            search = PatternSearch(database, SqlLogPatterns(), SqlMeanings(), none)
            firsts = [await search.search(Principal.system("bench"), one.words, None, 1) for one in some]
            words = [bool(one.hits) and one.hits[0].pattern.pattern for one in firsts]
            async with database.begin() as tx:
                patterns = [one.pattern for one in some]
                asked = [{"patterns": patterns, "words": one.words} for one in some]
                bare = [(await tx.connection.execute(text(_TRIGRAM), one)).scalar() for one in asked]
            await database.close()
        found.append((_share(words, some), _share(bare, some)))
    return found


def _share(firsts: Sequence[object], some: Sequence[Pair]) -> float:
    return sum(first == one.pattern for first, one in zip(firsts, some, strict=True)) / len(some)


def _memory_of(model: LocalModel, every: Sequence[Pair]) -> tuple[float, float]:
    """MB that the loaded model adds once it has worked, and at most while it does."""
    process, texts = psutil.Process(), [one.pattern for one in every]
    before, done = process.memory_info().rss, threading.Event()
    seen: list[int] = []

    def look() -> None:
        while not done.wait(0.003):
            seen.append(process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    model.embed_now(texts)
    done.set()
    looking.join()
    return (process.memory_info().rss - before) / 1e6, (max(seen) - before) / 1e6


def _cost(model: LocalModel, every: Sequence[Pair]) -> None:
    texts = [one.pattern for one in every]
    began = time.process_time()
    model.embed_now(texts)
    told("patterns embedded", len(texts) / (time.process_time() - began), " a second of one core")
    began = time.process_time()
    for one in every[:10]:
        model.embed_now([one.words])
    told("one question", (time.process_time() - began) / 10 * 1e3, " ms", "CPU time")


if __name__ == "__main__":
    sys.exit(main())
