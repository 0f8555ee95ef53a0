"""The concepts that a text speaks of, by `thesaurus.txt`: what two texts without a common word have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from aiops.intelligence.meaning.glossary import plain_words
from aiops.intelligence.meaning.needs import Vectors
from aiops.intelligence.meaning.stems import stem

DIMENSIONS = 128

_NAME = re.compile(r"[A-Za-z0-9]+")
_WORD = re.compile(r"[a-z0-9]+")
# Said so often between the words of a form that forms are looked for without them.
_BETWEEN = frozenset(
    """a an the its it his her our my your this that these those is are was were be been being am has have had
    having to of by s very just so also then than there some any as""".split()  # noqa: SIM905 (read as text)
)
_WIDER = 0.5
# What a word counts beside a concept.
_UNKNOWN, _KNOWN = 0.5, 0.2
_LONGEST = 2_000


class Thesaurus(NamedTuple):
    """`forms` maps stems to concepts; `telling` is the weight of those that tell less or more than others."""

    telling: dict[str, float]
    wider: dict[str, tuple[str, ...]]
    forms: dict[tuple[str, ...], frozenset[str]]
    longest: int


def concepts(text: str) -> dict[str, float]:
    """Names of the concepts in a text, and how telling each is."""
    known = thesaurus()
    found: dict[str, float] = {}
    for names, _ in _matches(_stems(text), known):
        for name in names:
            found[name] = known.telling.get(name, 1.0)
            for wider in known.wider.get(name, ()):
                found.setdefault(wider, known.telling.get(wider, 1.0) * _WIDER)
    return found


def concept_vector(text: str) -> Vectors:
    """One row of length 1 and `DIMENSIONS` for a text: texts of the same concepts have a small angle.

    Each concept, and a little each word, most where it tells no concept, goes a direction that its name decides.
    """
    row = np.zeros(DIMENSIONS, dtype=np.float32)
    for name, telling in concepts(text).items():
        row += telling * _direction(name)
    stems = _stems(text)
    unknown = {word for names, word in _matches(stems, thesaurus()) if not names}
    for word in sorted(set(stems)):
        row += (_UNKNOWN if word in unknown else _KNOWN) * _direction(f"word {word}")
    length = float(np.linalg.norm(row))
    return row / length if length else _direction("nothing") / DIMENSIONS**0.5


@lru_cache(maxsize=4_096)
def _direction(name: str) -> Vectors:
    """Of length sqrt(DIMENSIONS); those of two names are nearly square to each other."""
    bits = np.unpackbits(np.frombuffer(hashlib.shake_128(name.encode()).digest(DIMENSIONS // 8), dtype=np.uint8))
    return bits.astype(np.float32) * 2 - 1


def _stems(text: str) -> tuple[str, ...]:
    """Names such as `MySQL` that have a concept stay whole, others such as `OOMKilled` are taken apart."""
    known = thesaurus().forms
    words = _NAME.findall(text[:_LONGEST])
    return stems_of(" ".join(word if stems_of(word) in known else plain_words(word) for word in words))


def stems_of(plain: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in _WORD.findall(plain.lower()) if word not in _BETWEEN)


def _matches(stems: tuple[str, ...], known: Thesaurus) -> Iterator[tuple[frozenset[str], str]]:
    """From left to right what the longest form tells, or nothing of a word that is in none."""
    place = 0
    while place < len(stems):
        for length in range(min(known.longest, len(stems) - place), 0, -1):
            names = known.forms.get(stems[place : place + length])
            if names:
                break
        yield names or frozenset(), stems[place]
        place += length


@cache
def thesaurus() -> Thesaurus:
    telling: dict[str, float] = {}
    wider: dict[str, tuple[str, ...]] = {}
    forms: dict[tuple[str, ...], set[str]] = {}
    for line in text().splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, said = line.partition(" = ")
        head, _, above = head.partition(" > ")
        names = []
        for one in head.split():
            name, _, weight = one.partition("*")
            if weight:
                telling[name] = float(weight)
            names.append(name)
        if above:
            wider[names[0]] = tuple(above.split())
        for form in said.split(","):
            key = stems_of(form)
            if len(key) > 1 or len(form.split()) == 1:
                forms.setdefault(key, set()).update(names)
    return Thesaurus(telling, wider, {key: frozenset(names) for key, names in forms.items()}, max(map(len, forms)))


def text() -> str:
    return files(__package__).joinpath("thesaurus.txt").read_text(encoding="utf-8")
