"""Which alerts a window hides: matchers as silences have them, an absent label being the empty text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from aiops.observability.expressions import expression
from aiops.observability.maintenance.windows import Window
from aiops.observability.service.silences_remote import SilenceMatcher

Labels = Mapping[str, str]


def hides(window: Window, cluster_id: UUID, labels: Labels) -> bool:
    """While it takes place."""
    return window.concerns(cluster_id) and matching(window.matchers)(labels)


@lru_cache(maxsize=1024)
def matching(matchers: tuple[SilenceMatcher, ...]) -> Callable[[Labels], bool]:
    """Whether all of them match. Raises `Invalid` for a wrong expression."""
    tests = [(one.name, _test(one), one.is_equal) for one in matchers]
    return lambda labels: all(test(labels.get(name, "")) is wanted for name, test, wanted in tests)


def _test(matcher: SilenceMatcher) -> Callable[[str], bool]:
    return expression(matcher.value) if matcher.is_regex else matcher.value.__eq__


class Hidden:
    """The windows that take place at one moment."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = sorted(windows, key=lambda one: one.id)

    def by(self, cluster_id: UUID, labels: Labels) -> tuple[str, ...]:
        """The ids of the windows that hide an alert with these labels; empty: it is heard."""
        return tuple(str(one.id) for one in self._windows if hides(one, cluster_id, labels))

    def __bool__(self) -> bool:
        return bool(self._windows)
