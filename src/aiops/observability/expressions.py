"""Regular expressions as Prometheus reads them: RE2, anchored, in time linear in the text whatever the expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2

from aiops.kernel.errors import Invalid

LONGEST = 4096
_OPTIONS = re2.Options()
_OPTIONS.dot_nl = True
_OPTIONS.never_capture = True
_OPTIONS.log_errors = False
_CAPTURING = re2.Options()
_CAPTURING.log_errors = False


def expression(pattern: str) -> Callable[[str], bool]:
    """Whether a whole text matches. Raises `Invalid` for what is no expression of RE2, or a huge one."""
    matches = _compiled(pattern, _OPTIONS).fullmatch
    return lambda text: matches(text) is not None


def named_groups(pattern: str) -> tuple[list[str], Callable[[str], dict[str, str]]]:
    """The names of an expression's groups, and what they hold where it is found anywhere in a text: nothing where it
    is not. Raises as `expression`."""
    compiled = _compiled(pattern, _CAPTURING)

    def held(text: str) -> dict[str, str]:
        found = compiled.search(text)
        return {name: value for name, value in found.groupdict().items() if value} if found else {}

    return list(compiled.groupindex), held


def _compiled(pattern: str, options: Any) -> Any:
    if len(pattern) > LONGEST:
        raise Invalid(f"A regular expression may have at most {LONGEST} characters.")
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error.args[0]
        raise Invalid(f"The regular expression {pattern!r} is wrong: {why}") from None
