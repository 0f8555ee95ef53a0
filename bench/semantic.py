"""How often what is said in other words is found first among all patterns: by the local model at least 0.80.

Pairs of log messages and paraphrases that share no content word (`bench/paraphrases.tsv`, whose kinds are told in
`bench/paraphrases.py`); each paraphrase is looked up among the patterns of its kind. Beside it the bare model, the
search by words, bare trigrams, and the cost. `AIOPS_BENCH_PAIRS=FILE` measures pairs of your own, in the same form.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
from sqlalchemy import text

from aiops.intelligence.meaning.explaining import in_words
from aiops.intelligence.meaning.glossary import plain_words
from aiops.intelligence.meaning.job import MeaningJob
from aiops.intelligence.meaning.local import LocalModel
from aiops.intelligence.meaning.needs import Model
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

TAKES = "2 min"
BOUND, FEWEST = 0.80, 60
_FEWEST_WORDS = 4
_TRIGRAM = "SELECT one FROM unnest(CAST(:patterns AS text[])) AS one ORDER BY word_similarity(:words, one) DESC LIMIT 1"


def main() -> int:
    given = os.environ.get("AIOPS_BENCH_PAIRS")
    kinds = pairs(Path(given)) if given else pairs()
    every = [one for some in kinds.values() for one in some]
    held = [at_most("pairs that share a content word", sum(bool(shared_words(one)) for one in every), 0)]
    whole, alone = LocalModel(), LocalModel(with_glossary=False)
    memory = _memory_of(whole, every)
    by_words = asyncio.run(_by_words(*kinds.values()))
    for (kind, some), (words, trigram) in zip(kinds.items(), by_words, strict=True):
        print(f"{kind}: {len(some)} pairs of {len({one.area for one in some})} areas")
        ranks = _found_first(whole, some)
        if given or kind == "foreseen":
            held += [at_least("  pairs", len(some), FEWEST), at_least("  recall@1, local model", ranks.mean(), BOUND)]
        else:
            told("  recall@1, local model", ranks.mean())
        if kind == "unforeseen":
            told(
                "  recall@1 of every second pair, never looked at", ranks[1::2].mean(), "", f"{len(ranks[1::2])} pairs"
            )
        told("  recall@1, the bare model without glossary and thesaurus", _found_first(alone, some).mean())
        told("  recall@1, by words as the hub searches without a model", words)
        told("  recall@1, trigrams of the bare texts (pg_trgm)", trigram)
    told("recall@1 of half the words of a pattern, among all", *_by_half(whole, every))
    told("recall@1 of the same, the bare model", *_by_half(alone, every))
    _cost(whole, every)
    told("memory that the model keeps", memory[0], " MB", f"for the moment of a run {memory[1]:.0f} MB")
    return 0 if all(held) else 1


def _found_first(model: LocalModel, some: Sequence[Pair]) -> npt.NDArray[np.bool_]:
    """Of each pair whether its pattern comes first."""
    questions = model.embed_now([one.words for one in some])
    patterns = model.embed_now([one.pattern for one in some])
    return np.asarray((questions @ patterns.T).argmax(axis=1) == np.arange(len(some)))


def _by_half(model: LocalModel, every: Sequence[Pair]) -> tuple[float, str, str]:
    """What those do who know how a line is worded: every second of its words, in their order."""
    texts = sorted({one.pattern for one in every})
    words = [(text, plain_words(text).lower().split()) for text in texts]
    some = [Pair("half", "", text, " ".join(said[::2])) for text, said in words if len(said) >= _FEWEST_WORDS]
    return float(_found_first(model, some).mean()), "", f"{len(some)} patterns"


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
    for pattern in texts:
        in_words(pattern)
    told("patterns explained, which the search by words needs", len(texts) / (time.process_time() - began), " a second")
    began = time.process_time()
    for one in every[:10]:
        model.embed_now([one.words])
    told("one question", (time.process_time() - began) / 10 * 1e3, " ms", "CPU time")


if __name__ == "__main__":
    sys.exit(main())
