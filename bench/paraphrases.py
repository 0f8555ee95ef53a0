"""Messages of logs, and the same said in other words: pairs that share no content word.

`foreseen` pairs tell of failures that the hub's glossary knows, in words that were chosen after it was written;
`unforeseen` ones were chosen without regard to it or the thesaurus, and every second was never looked at since.
`round…` pairs were written one round after the other to widen the thesaurus: a round's first figure was of pairs
that it had not seen, those after it are not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from aiops.intelligence.meaning.glossary import plain_words

STOP_WORDS = frozenset(
    """a about above after again all already also an and any are aren as at be because been before being below between
    both but by can cannot could couldn did didn do does doesn doing don down due during each few for from further had
    has have having he her here his how i if in into is isn it its itself just me more most much must my no nor not now
    of off on once only or other our out over own same she should so some such than that the their them then there
    these they this those through to too under until up us very was wasn we were what when where which while who whom
    why will with would yet you your""".split()  # noqa: SIM905 (a list of words is read as text)
)
_ALIKE = 5


class Pair(NamedTuple):
    kind: str
    area: str
    pattern: str
    words: str


def pairs(file: Path = Path(__file__).parent / "paraphrases.tsv") -> dict[str, list[Pair]]:
    """The pairs of a file of that form, by kind."""
    found: dict[str, list[Pair]] = {}
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        if line.strip():
            pair = Pair(*line.split("\t"))
            found.setdefault(pair.kind, []).append(pair)
    return found


def shared_words(pair: Pair) -> set[str]:
    """The content words of the pattern that its paraphrase has too; those that begin alike count as the same."""
    theirs = _content(pair.words)
    return {one for one in _content(pair.pattern) for other in theirs if _same(one, other)}


def _content(text: str) -> set[str]:
    words = re.findall(r"[a-z0-9]+", plain_words(text).lower())
    return {word for word in words if word not in STOP_WORDS and len(word) > 1}


def _same(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) >= _ALIKE and one[:_ALIKE] == other[:_ALIKE])
