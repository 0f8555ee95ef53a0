"""What in a word of a log line is a value whatever the system: numbers, addresses, hexadecimal, ids.

Only kinds of values are known here, never words of one system: the same rules serve every log.
"""

from __future__ import annotations

import re
from collections.abc import Callable

VALUE = "<*>"

_HEX = r"[0-9a-fA-F]"
_VALUES = re.compile(
    rf"""
    # A UUID.
    {_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}
    # MAC and IPv6 addresses.
    |(?<![\w:])(?=[\d:]*[a-fA-F]|[\da-fA-F:]*::)(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{1,4}}(?![\w:])
    # What follows a name and an underscore: job_1445_0020_m_01, blk_-388650.
    |(?<=[A-Za-z]_)-?\d\w*
    # Random ids: eight or more letters and digits that change places at least twice.
    |(?<![A-Za-z0-9_.])(?=[A-Za-z]*\d+[A-Za-z]+\d)(?=(?:[A-Za-z]*\d){{3}})[A-Za-z0-9]{{8,}}(?![A-Za-z0-9_])
    |(?<![A-Za-z0-9_.])(?:[+-](?=\d))?(?:
        0[xX]{_HEX}+
        # Hexadecimal without a mark is told by its length and by having both digits and letters.
        |(?=[a-fA-F]*\d)(?=\d*[a-fA-F]){_HEX}{{6,}}
        # Decimals, versions and IPv4 addresses.
        |\d+(?:\.\d+)+
        # Whole numbers, with a unit that clings to them: 15ms, 4K, 80%.
        |\d+(?:[A-Za-z%]{{1,3}})?
    )(?![A-Za-z0-9])
    """,
    re.VERBOSE,
)
_DIGIT = re.compile(r"\d")


def masked(word: str) -> str:
    """The word with `<*>` for each value in it."""
    if word.isdecimal():
        return VALUE
    return _VALUES.sub(VALUE, word) if _DIGIT.search(word) else word


class Remembered(dict[str, str]):
    """What a function makes of a word, computed once; forgets all when `limit` words are known."""

    def __init__(self, function: Callable[[str], str], limit: int = 50_000) -> None:
        super().__init__()
        self._function, self._limit = function, limit

    def __missing__(self, word: str) -> str:
        made = self._function(word)
        if len(self) >= self._limit:
            self.clear()
        self[word] = made
        return made
