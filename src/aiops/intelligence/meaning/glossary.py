"""What operators mean by the terms of their logs, added to a text before a general model reads it.

A small general model knows English, not that `ENOSPC` is a full disk or `Xid 79` a lost GPU. `glossary.txt` says so,
for patterns and questions alike; what it doesn't know is left to the model.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MARKS = re.compile(r"[_/=\-.:,;()#*]+")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_PLACEHOLDER = "<*>"
_LONGEST = 2_000
# Where a term is written in several ways the expressions of the glossary know one.
_ONE_WAY = (
    (re.compile(r"\bvram\b|\b(?:graphics|video) (?:memory|ram)\b"), "gpu memory"),
    (re.compile(r"\bram\b"), "memory"),
    (re.compile(r"\bfilesystem\b"), "file system"),
)


class Entry(NamedTuple):
    """`says` is looked for in lower-case words; a `term` has another name, all else is explained by a sentence."""

    says: re.Pattern[str]
    means: str
    term: bool


def plain_words(text: str) -> str:
    """The text as words: placeholders left out, names such as `OOMKilled` and `disk_full` taken apart."""
    apart = _CAMEL.sub(" ", text[:_LONGEST].replace(_PLACEHOLDER, " "))
    return " ".join(_MARKS.sub(" ", apart).split())


def explained(text: str) -> str:
    """The text as words, with the other names of its terms and what the glossary says that it means."""
    words = plain_words(text)
    said = " ".join(_NO_WORD.sub(" ", words.lower()).split())
    names: list[str] = []
    sentences: list[str] = []
    matched = said
    for form, name in _ONE_WAY:
        matched = form.sub(name, matched)
    for entry in _entries():
        if entry.term:
            if entry.means.lower() not in said and entry.says.search(said):
                names.append(entry.means)
        elif entry.says.search(matched):
            sentences.append(entry.means)
    named = f"{words} ({', '.join(names)})" if names else words
    return ". ".join([named, *sentences])


def text() -> str:
    return files(__package__).joinpath("glossary.txt").read_text(encoding="utf-8")


@cache
def _entries() -> tuple[Entry, ...]:
    found = []
    for line in text().splitlines():
        if not line or line.startswith("#"):
            continue
        mark = " ~> " if " ~> " in line else " => "
        says, means = line.split(mark)
        found.append(Entry(re.compile(rf"\b(?:{says})\b"), means, mark == " ~> "))
    return tuple(found)
