"""What an expression is tried on before it is kept: alerts that are large, and made to be hard for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiops.intelligence.domain.rule_cases import Case

PROBE_S = 0.1
"""Of processor time, for one alert; an ordinary rule takes less than a thousandth of it."""
REFUSED = re.compile("invalid regular expression|budget")
"""Failures that come of the expression, and not of what it was tried on."""

_LABELS = 40
_LENGTH = 4000
_MOST_PATTERNS = 20
_LITERAL = r"""[rR]?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_PATTERN = re.compile(rf"matches\(\s*({_LITERAL})\s*\)")
_NAMED = re.compile(r"""labels\.(\w+)|labels\[["'](\w+)["']\]|["'](\w+)["']\s+in\s+labels""")


def probes_of(expression: str) -> Iterator[tuple[str, Case]]:
    """The expression itself, and each of its regular expressions alone, which it may not come to here; each with what
    to try it on."""
    patterns = list(dict.fromkeys(_PATTERN.findall(expression)))
    named = ["".join(found) for found in _NAMED.findall(expression)]
    hard = _text(patterns[0]) if patterns else "a" * _LENGTH
    names = dict.fromkeys([*named[:_LABELS], *(f"label_{number}" for number in range(_LABELS))])
    cluster = {"name": "probe", "environment": "PRODUCTION", "region": "probe"}
    alert = {"name": "probe", "severity": "HIGH", "fingerprint": "probe"}
    yield expression, Case(alert, dict.fromkeys(list(names)[:_LABELS], hard), cluster)
    for pattern in patterns[:_MOST_PATTERNS]:
        yield f"alert.name.matches({pattern})", Case({**alert, "name": _text(pattern)}, {}, cluster)


def _text(pattern: str) -> str:
    """Letters that the pattern goes on with and none of its last, so that it has the most to follow to the end."""
    letters = "".join(re.findall("[A-Za-z]", pattern.removeprefix("r").removeprefix("R")))
    return ((letters[:-1] or letters or "a") * _LENGTH)[:_LENGTH]
