"""What several words at one place of a pattern have in common."""

from __future__ import annotations

import re

from aiops.intelligence.patterns.masking import VALUE

_MARKS = re.compile(r"""([=:,;()\[\]{}<>"'|#@/\\]+)""")
_VALUES = re.compile(r"(?:<\*>)+")


def combined(first: str, second: str) -> str:
    """The word that stands for both: what differs is `<*>`, whole words at a time; marks that both have stay."""
    if first == second:
        return first
    ours, theirs = _parts(first), _parts(second)
    if len(ours) == len(theirs) and ours[1::2] == theirs[1::2]:
        joined = "".join(_one(a, b) for a, b in zip(ours, theirs, strict=True))
    else:
        joined = _around(first, second)
    return _VALUES.sub(VALUE, joined)


def _parts(word: str) -> list[str]:
    # A value's own brackets are no marks.
    return [part.replace("\0", VALUE) for part in _MARKS.split(word.replace(VALUE, "\0"))]


def _one(first: str, second: str) -> str:
    if first == second:
        return first
    return _around(first, second) if _has_value(first) and _has_value(second) else VALUE


def _has_value(word: str) -> bool:
    return VALUE in word or any(character.isdigit() for character in word)


def _around(first: str, second: str) -> str:
    first, second = first.replace(VALUE, "\0"), second.replace(VALUE, "\0")
    before = _common_start(first, second)
    while before and before[-1].isalnum():
        before = before[:-1]
    first, second = first[len(before) :], second[len(before) :]
    after = _common_start(first[::-1], second[::-1])[::-1]
    while after and (after[0].isalnum() or after[0] in "\0_.-"):
        after = after[1:]
    return f"{before}\0{after}".replace("\0", VALUE)


def _common_start(first: str, second: str) -> str:
    for at, (ours, theirs) in enumerate(zip(first, second, strict=False)):
        if ours != theirs:
            return first[:at]
    return min(first, second, key=len)
