"""LogQL and TraceQL as tokens: enough to tell what stands in a text and what stands in a query.

Both languages are read by Go's scanner. What that scanner takes for a comment or a character, and nobody writes in
these languages, is refused here: a selector must never lie where this reader and the other see two different things.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from aiops.kernel.errors import Invalid

MAX_QUERY_CHARACTERS = 20_000

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
      | (?P<range>\[[^\]]*\])
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>(?:\d|\.\d)[\w.]*)
      | (?P<refused>//|/\*|["'`\[])
      | (?P<sign>=~|!~|!=|==|>=|<=|\|=|\|~|\|>|!>|.)""",
    re.X | re.S,
)


@dataclass(frozen=True)
class Token:
    """`kind` is `string`, `range`, `name`, `number` or `sign`; white space and comments are not kept."""

    kind: str
    text: str
    start: int
    end: int


def tokens_of(query: str, *, ranges: bool = True) -> list[Token]:
    """Raises `Invalid` with the position of what can't be read. `ranges`: brackets hold durations, as in LogQL."""
    if len(query) > MAX_QUERY_CHARACTERS:
        raise Invalid(f"A query may have at most {MAX_QUERY_CHARACTERS:,} characters.")
    found, place = [], 0
    while place < len(query):
        match = _TOKEN.match(query, place)
        assert match is not None
        kind, text = str(match.lastgroup), match.group()
        if kind == "refused" or "\0" in text:
            raise misread(query, place, "this is not read here" if text in {"//", "/*", "'"} else "this never ends")
        if kind == "range" and not ranges:
            raise misread(query, place, "brackets have no meaning here")
        if kind != "space":
            found.append(Token(kind, text, place, match.end()))
        place = match.end()
    return found


def misread(query: str, place: int, why: str) -> Invalid:
    return Invalid(f"The query is wrong at position {place + 1} ({query[place : place + 20]!r}): {why}.")


def unquoted(token: Token) -> str:
    """The text that a string stands for. Raises `Invalid` for an escape that is not JSON's too."""
    if token.text.startswith("`"):
        return token.text[1:-1]
    try:
        return str(json.loads(token.text, strict=False))
    except ValueError:
        raise Invalid(
            f"The text {token.text[:64]} at position {token.start + 1} has an escape that is not known."
        ) from None


def closing(tokens: list[Token], opened: int) -> int | None:
    """The place of the bracket that closes the one at `opened`."""
    pair = {"(": ")", "{": "}"}[tokens[opened].text]
    depth = 0
    for place in range(opened, len(tokens)):
        depth += (tokens[place].text == tokens[opened].text) - (tokens[place].text == pair)
        if depth == 0:
            return place
    return None
