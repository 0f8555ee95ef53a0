"""Patterns of log lines, found online.

A line's shape (`shapes`) joins a pattern that has the same words at all places but the variable ones. Else it becomes a
pattern of its own, until enough patterns differ at one place alone: then that place is variable, and they become one.
How many are enough depends on what differs: values and names with digits soon, plain words late, since developers
write different words for different things. Nothing is learned about one system, and no setting is made for one.

The idea that a place is variable once it takes many words while all else stays is that of SLCT (Vaarandi 2003) and
Brain (Yu et al. 2023); finding the pattern by tuples with places left out is tuple space search (Srinivasan 1999).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from aiops.intelligence.patterns.combining import combined
from aiops.intelligence.patterns.masking import VALUE, Remembered, masked
from aiops.intelligence.patterns.shapes import ANY, Shape, Shapes

_WORD = re.compile(r"[A-Za-z]{2}")
_SHAPES_KEPT = 50_000
_MOST_WORDS = 160
# Where more patterns than this have the same variable places, none is sought that a wider one covers.
_LOOKED_THROUGH = 1_000
# So many patterns of one length and start are a crowd; a place where more than a third of them differ is variable.
# Of a large crowd, where more than ten differ.
_CROWD, _WIDE, _LARGE_CROWD = 40, 1 / 3, 160


class Rules(msgspec.Struct, frozen=True):
    """How many different words at one place make it variable; the same for every log.

    `values`: words with values or digits in them; `mixed`: values and plain words; `dotted`: names with dots;
    `after_nouns`: plain words after a noun that a name follows (`user`); `words`: other plain words; `first`: plain
    words at the start of the line, which usually says what it is.
    """

    values: int = 2
    mixed: int = 3
    dotted: int = 3
    after_nouns: int = 2
    words: int = 5
    first: int = 12


_NOUNS = frozenset({"user", "host", "from", "file", "device", "path", "directory", "address"})


class Mined:
    """A pattern: `shown` are its words with `<*>`; `text` the same as one line."""

    __slots__ = ("key", "number", "shown")

    def __init__(self, number: int, shape: Shape) -> None:
        self.number = number
        self.key = shape.key
        self.shown = list(shape.shown)

    @property
    def text(self) -> str:
        return " ".join(self.shown)


class Miner:
    """Gives each line the number of its pattern. Numbers of patterns that became one stay good: see `of`."""

    def __init__(self, rules: Rules | None = None, limit: int = 20_000) -> None:
        self._rules = rules or Rules()
        self.limit = limit
        # How many patterns became part of another so far.
        self.merged = 0
        # The pattern of lines that there was no room for, once there are more than `limit` patterns.
        self.others: int | None = None
        self._masked = Remembered(masked)
        self._shapes = Shapes()
        self._known: dict[tuple[str, ...], int] = {}
        self._into: list[int] = []
        self._patterns: dict[int, Mined] = {}
        # length → variable places → words at the others → pattern.
        self._places: dict[int, dict[int, dict[tuple[str, ...], int]]] = {}
        # (length, first word) → how many patterns may be so, then their numbers.
        self._crowds: dict[tuple[int, str], list[int]] = {}
        # (length, place, words at the others) → word at the place → pattern.
        self._siblings: dict[tuple[int, int, tuple[str, ...]], dict[str, int]] = {}

    def add(self, line: str) -> int:
        """The number of the line's pattern, now; `of` gives what it has become since."""
        words_masked = self._masked
        words = tuple([words_masked[word] for word in line.split()])
        number = self._known.get(words)
        if number is None:
            number = self._learned(words)
        return number

    def of(self, number: int) -> Mined:
        """The pattern that this number stands for at present."""
        into = self._into
        while into[number] != number:
            into[number] = into[into[number]]
            number = into[number]
        return self._patterns[number]

    def know(self, key: tuple[str, ...], shown: tuple[str, ...]) -> int:
        """Take up a pattern that a miner had before; gives its number here."""
        number = len(self._into)
        self._into.append(number)
        pattern = self._patterns[number] = Mined(number, Shape(shown, key))
        self._place(pattern)
        for at, word in enumerate(key):
            self._siblings_of(pattern, at)[word] = number
        return number

    @property
    def patterns(self) -> list[Mined]:
        """All patterns there are now, the oldest first."""
        return [self._patterns[number] for number in sorted(self._patterns)]

    def _learned(self, words: tuple[str, ...]) -> int:
        if len(self._known) >= _SHAPES_KEPT:
            self._known.clear()
        known = words
        if len(words) > _MOST_WORDS:
            words = (*words[:_MOST_WORDS], VALUE)
        number = self._joined(self._shapes.of(words))
        self._known[known] = number
        return number

    def _joined(self, shape: Shape) -> int:
        found = self._match(shape)
        if found is not None:
            pattern = self.of(found)
            for at, word in enumerate(shape.shown):
                if pattern.shown[at] != word and pattern.shown[at] != VALUE:
                    pattern.shown[at] = combined(pattern.shown[at], word)
            return pattern.number
        if len(self._patterns) >= self.limit:
            return self._others()
        number = len(self._into)
        self._into.append(number)
        pattern = self._patterns[number] = Mined(number, shape)
        self._place(pattern)
        self._settle(pattern)
        if number in self._patterns and shape.key:
            self._thin_out(pattern)
        return self.of(number).number

    def _others(self) -> int:
        """The pattern of all lines that there is no room for."""
        if self.others is None:
            self.others = len(self._into)
            self._into.append(self.others)
            self._patterns[self.others] = Mined(self.others, Shape((VALUE,), (ANY,)))
        return self.others

    def _match(self, shape: Shape) -> int | None:
        length, own = len(shape.key), _mask(shape.key)
        for mask, patterns in self._places.get(length, {}).items():
            if own & ~mask == 0:
                found = patterns.get(_rest(shape.key, mask))
                if found is not None:
                    return found
        return None

    def _place(self, pattern: Mined) -> None:
        mask = _mask(pattern.key)
        places = self._places.setdefault(len(pattern.key), {})
        places.setdefault(mask, {})[pattern.key] = pattern.number

    def _displace(self, pattern: Mined) -> None:
        places = self._places[len(pattern.key)]
        mask = _mask(pattern.key)
        if places.get(mask, {}).get(pattern.key) == pattern.number:
            del places[mask][pattern.key]
            if not places[mask]:
                del places[mask]

    def _settle(self, pattern: Mined) -> None:
        """Make places variable as long as there are siblings enough."""
        again = True
        while again:
            again = False
            for at, word in enumerate(pattern.key):
                siblings = self._siblings_of(pattern, at)
                siblings[word] = pattern.number
                if len(siblings) > 1 and self._is_variable(pattern, at, siblings):
                    pattern = self._merged(pattern, at, siblings)
                    again = True
                    break

    def _siblings_of(self, pattern: Mined, at: int) -> dict[str, int]:
        key = pattern.key
        return self._siblings.setdefault((len(key), at, key[:at] + key[at + 1 :]), {})

    def _is_variable(self, pattern: Mined, at: int, siblings: Iterable[str]) -> bool:
        others = sum(1 for place, word in enumerate(pattern.key) if place != at and _WORD.search(word))
        if not others:
            return False
        rules, found = self._rules, list(siblings)
        valued = sum(map(_is_valued, found))
        if valued and valued + sum(map(_is_dotted, found)) >= len(found):
            return len(found) >= rules.values
        if all(map(_is_dotted, found)):
            return len(found) >= rules.dotted
        if at == 0:
            return len(found) >= rules.first
        if pattern.key[at - 1].strip("[('\"").lower() in _NOUNS:
            return len(found) >= rules.after_nouns
        return len(found) >= (rules.mixed if valued else rules.words)

    def _merged(self, pattern: Mined, at: int, siblings: dict[str, int]) -> Mined:
        members = {one.number: one for one in map(self.of, siblings.values())}
        siblings.clear()
        # Since they became siblings, other places of some may have become variable.
        keys = zip(*(one.key for one in members.values()), strict=True)
        key = tuple([words[0] if len(set(words)) == 1 else ANY for words in keys])
        one = self._united(list(members.values()), (*key[:at], ANY, *key[at + 1 :]))
        siblings[ANY] = one.number
        return one

    def _united(self, members: list[Mined], key: tuple[str, ...]) -> Mined:
        """All members become the eldest, with this key; so does a pattern that has this key already."""
        known = {member.number for member in members}
        members += [self._patterns[number] for number in self._covered(key) if number not in known]
        members.sort(key=lambda member: member.number)
        eldest = members[0]
        self._displace(eldest)
        for other in members[1:]:
            self._displace(other)
            eldest.shown = [combined(ours, theirs) for ours, theirs in zip(eldest.shown, other.shown, strict=True)]
            self._into[other.number] = eldest.number
            del self._patterns[other.number]
            self.merged += 1
        eldest.key = key
        self._place(eldest)
        return eldest

    def _covered(self, key: tuple[str, ...]) -> list[int]:
        """Patterns that have this key, or the same words at fewer variable places."""
        mask, found = _mask(key), []
        for theirs, patterns in self._places.get(len(key), {}).items():
            if theirs == mask:
                found += [patterns[key]] if key in patterns else []
            elif theirs & ~mask == 0 and len(patterns) <= _LOOKED_THROUGH:
                found += [number for words, number in patterns.items() if _rest(words, mask) == key]
        return found

    def _thin_out(self, pattern: Mined) -> None:
        """Where very many patterns start alike, places that mostly differ are variable, several at once."""
        start = (len(pattern.key), pattern.key[0])
        crowd = self._crowds.setdefault(start, [_CROWD])
        crowd.append(pattern.number)
        if len(crowd) <= crowd[0]:
            return
        members = list({one.number: one for one in map(self.of, crowd[1:])}.values())
        large = len(members) > _LARGE_CROWD
        few = _CROWD / 4 if large else _WIDE * len(members)
        wide = 0
        for at in range(1, start[0]):
            if len({one.key[at] for one in members}) > few:
                wide |= 1 << at
        alike: dict[tuple[str, ...], list[Mined]] = {}
        if len(members) > _CROWD // 2 and wide:
            for one in members:
                alike.setdefault(_rest(one.key, wide), []).append(one)
        # What is left must still say something.
        least = max(2, wide.bit_count() // (2 if large else 1))
        for key, found in alike.items():
            said = sum(1 for word in key if _WORD.search(word))
            if len(found) >= self._rules.words and said >= least:
                self._united(found, key)
        left = {self.of(number).number for number in crowd[1:]}
        self._crowds[start] = [max(_CROWD, 2 * len(left)), *left]


def _mask(key: tuple[str, ...]) -> int:
    return sum(1 << at for at, word in enumerate(key) if word == ANY)


def _rest(key: tuple[str, ...], mask: int) -> tuple[str, ...]:
    return tuple([ANY if mask >> at & 1 else word for at, word in enumerate(key)])


def _is_valued(word: str) -> bool:
    # Values of different names (`size=<*>`, `rc=<*>`) are different things said.
    if "=" in word:
        return False
    return VALUE in word or ANY in word or any(character.isdigit() for character in word)


def _is_dotted(word: str) -> bool:
    # Names of exceptions say what happened.
    said = word.rstrip(".:,;)")
    return not _is_valued(word) and said.count(".") > 1 and not said.endswith(("Exception", "Error"))
