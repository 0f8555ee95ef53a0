"""Text as the pieces of words that a BERT model reads (Devlin et al. 2018, section 4.1; uncased WordPiece)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

_LONGEST_WORD = 100
_CONTINUED = "##"
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """Gives the numbers of a text's pieces, the longest that fits first."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        """`numbers` is the model's own vocabulary."""
        self._numbers = numbers
        self._start, self._end = self._numbers["[CLS]"], self._numbers["[SEP]"]
        self._unknown = self._numbers["[UNK]"]

    def encode(self, text: str, longest: int) -> list[int]:
        """At most `longest` numbers, the marks of start and end among them."""
        numbers: list[int] = []
        for word in _words(text):
            numbers += self._pieces(word)
            if len(numbers) >= longest - 2:
                break
        return [self._start, *numbers[: longest - 2], self._end]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > _LONGEST_WORD:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = _CONTINUED if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(prefix + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return [self._unknown]
        return found


def _words(text: str) -> Iterator[str]:
    """Lower-case words without accents; every mark of punctuation and every CJK character is a word."""
    word: list[str] = []
    for char in unicodedata.normalize("NFD", text).lower():
        category = unicodedata.category(char)
        if category == "Mn" or (category[0] == "C" and not char.isspace()) or char == "\ufffd":
            continue
        alone = _is_punctuation(char, category) or _is_cjk(ord(char))
        if (alone or char.isspace()) and word:
            yield "".join(word)
            word = []
        if alone:
            yield char
        elif not char.isspace():
            word.append(char)
    if word:
        yield "".join(word)


def _is_punctuation(char: str, category: str) -> bool:
    # All of ASCII that is no letter, digit or space, signs such as $ and ^ included.
    return category.startswith("P") or (char.isascii() and not char.isalnum() and not char.isspace())


def _is_cjk(code: int) -> bool:
    return any(first <= code <= last for first, last in _CJK)
