"""Regular expressions as Prometheus reads them: RE2, anchored, in time linear in the text whatever the expression."""

from __future__ import annotations

from collections.abc import Callable

import re2

from aiops.kernel.errors import Invalid

LONGEST = 4096
_OPTIONS = re2.Options()
_OPTIONS.dot_nl = True
_OPTIONS.never_capture = True
_OPTIONS.log_errors = False


def expression(pattern: str) -> Callable[[str], bool]:
    """Whether a whole text matches. Raises `Invalid` for what is no expression of RE2, or a huge one."""
    if len(pattern) > LONGEST:
        raise Invalid(f"A regular expression may have at most {LONGEST} characters.")
    try:
        matches = re2.compile(pattern, _OPTIONS).fullmatch
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error.args[0]
        raise Invalid(f"The regular expression {pattern!r} is wrong: {why}") from None
    return lambda text: matches(text) is not None
