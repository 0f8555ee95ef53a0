"""The shape of a line: its words with values masked, what belongs together joined, and a key that ignores values."""

from __future__ import annotations

import re
from typing import NamedTuple

from aiops.intelligence.patterns.masking import VALUE, Remembered

# Stands in a key for "any value here"; no text of a log holds it, see `mining`.
ANY = "\x1a"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ZONES = ("UTC", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "CET", "CEST")
_CALENDAR = frozenset((*_DAYS, *_MONTHS, *_ZONES))
_UNIT = re.compile(
    r"(?:[KMGT]i?)?(?:B|bytes?|b)[),.;\]]*|(?:ns|us|ms|s|secs?|seconds?|mins?|minutes?|hours?|days?)[),.;\]]*"
)
_QUANTITY = re.compile(r"\(<\*> \S+\)[,.;]?")
_AMOUNT = re.compile(r"[^\w]*<\*> [A-Za-z]+[^\w]*(?: \(<\*> \S+\)[,.;]?)?")
_OPENS = re.compile(r"""(?:^|[=:(\[{,])(["'])(?!\1)""")
_LONGEST_QUOTE, _LONG_RUN = 8, 5
_DIGITS = re.compile(r"\d+")
# A value alone, perhaps several with marks between and around: 10.0.0.1:80, [3], (), 2,3.
_ONLY_VALUES = re.compile(r"[^\w]*(?:<\*>[^\w]*)*")
# What stands after `name=`, up to the next mark that ends a value.
_EMPTY = frozenset({"()", "[]", "{}", '""', "''"})
_NAMED = re.compile(r"(?<=[\w\])]=)(?![=>])[^=,;&|)}\]]*")
_PATH = re.compile(r"""["'(\[]?(?:[A-Za-z][\w+.]*:/{1,3}|/|~/|[A-Za-z]:\\|\\\\)[^\s]*[/\\][^\s]*""")
_HOST = re.compile(
    r"[\[(<]?(?:[\w\-]+@)?(?:(?=[\w.\-]*\d)[\w\-]+(?:\.[\w\-]+){2,}(?::<\*>)?|[\w\-]+(?:\.[\w\-]+)+:<\*>)[\])>,;:.]*"
)
# A word in quotes, and what stands after a name in JSON.
_QUOTED = re.compile(r"""[=(\[{]?(["'])[^"'\s]+\1[)\]},;.:]*""")
_JSON_VALUE = re.compile(r"""(?<=["']:)(["'])(?:(?!\1).)*\1""")
# Parts with digits all over: R02-M1-N0-C:J12-U11, node3-rack7-slot12.
_CODED = re.compile(r"[\[(<]?(?=(?:[^\d<]*(?:\d+|<\*>)){3})[\w\-.:<*>]+[\])>,;:]*")
_MAIL = re.compile(r"[<(\[]?[\w.\-]+@[\w\-]+(?:\.[\w\-]+)+[>)\],;:.]*")


class Shape(NamedTuple):
    """A line without its values: `shown` are words to show, `key` the same words with `ANY` for values."""

    shown: tuple[str, ...]
    key: tuple[str, ...]


class Shapes:
    """Makes shapes, and remembers what it found out about single words."""

    def __init__(self) -> None:
        self._keys = Remembered(_key)
        self._forms = Remembered(_form)

    def of(self, masked: tuple[str, ...]) -> Shape:
        """The shape of a line's masked words."""
        keys = self._keys
        shown = tuple(_without_runs(_with_quantities(_without_dates(_with_quotes(masked))), self._forms))
        return Shape(shown, tuple([keys[word] for word in shown]))


def _key(word: str) -> str:
    if _ONLY_VALUES.fullmatch(word) and (VALUE in word or word in _EMPTY):
        return ANY
    if " " in word and _AMOUNT.fullmatch(word):
        return ANY
    if _PATH.fullmatch(word) or _HOST.fullmatch(word) or _MAIL.fullmatch(word) or _CODED.fullmatch(word):
        return ANY
    if "'" in word or '"' in word:
        if _QUOTED.fullmatch(word):
            return ANY
        word = _JSON_VALUE.sub(ANY, word)
    return _NAMED.sub(ANY, word) if "=" in word else word


def _with_quotes(words: tuple[str, ...]) -> list[str]:
    """What stands in quotes is one word: tag="View Lock"."""
    found: list[str] = []
    at = 0
    while at < len(words):
        word, after = words[at], at + 1
        if ('"' in word or "'" in word) and (opened := _OPENS.search(word)):
            mark = opened.group(1)
            if mark not in word[opened.end() :]:
                for end in range(after, min(after + _LONGEST_QUOTE, len(words))):
                    # Not what has values, such as a request: it is told by its words.
                    if VALUE in words[end] or "/" in words[end]:
                        break
                    if mark in words[end]:
                        word, after = " ".join(words[at : end + 1]), end + 1
                        break
        found.append(word)
        at = after
    return found


def _without_dates(words: list[str]) -> list[str]:
    """Names of days and months beside numbers are values."""
    found = list(words)
    for at, word in enumerate(words):
        bare = word.strip("[](),")
        if bare in _CALENDAR:
            beside = words[at + 1 : at + 2] + words[max(at - 1, 0) : at]
            if any(VALUE in one or one in _CALENDAR for one in beside):
                found[at] = word.replace(bare, VALUE)
    return found


def _with_quantities(words: list[str]) -> list[str]:
    """A number and its unit are one word, and so is the same said again in brackets: 1536 bytes (1.5 KB)."""
    found: list[str] = []
    for word in words:
        before = found[-1] if found else ""
        if before.endswith(VALUE) and _UNIT.fullmatch(word):
            found[-1] = f"{before} {word}"
        else:
            found.append(word)
        if len(found) > 1 and _QUANTITY.fullmatch(found[-1]) and VALUE in found[-2]:
            again = found.pop()
            found[-1] = f"{found[-1]} {again}"
    return found


def _without_runs(words: list[str], forms: Remembered) -> list[str]:
    """A long run of words of one form is a list, which may be longer next time."""
    if len(words) <= _LONG_RUN:
        return words
    shapes = [forms[word] for word in words]
    found: list[str] = []
    at = 0
    while at < len(words):
        end = at + 1
        if form := shapes[at]:
            while end < len(words) and shapes[end] == form:
                end += 1
        if end - at > _LONG_RUN:
            found.append(VALUE)
        else:
            found.extend(words[at:end])
        at = end
    return found


def _form(word: str) -> str:
    if VALUE in word:
        return word.rstrip(",;")
    return _DIGITS.sub("0", word).rstrip(",;") if _DIGITS.search(word) else ""
