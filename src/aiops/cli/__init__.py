"""The command `aiops`: it reads the settings, does one thing, and says failures in one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_OLDEST = (3, 11)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is done, 1 is "looked, and it isn't well", 2 is "can't", with one line on why."""
    # Before any import of ours: an old Python could not even read them.
    if sys.version_info < _OLDEST:
        running = ".".join(str(part) for part in sys.version_info[:2])
        sys.stderr.write(f"aiops: this is Python {running}; 3.11 or newer is needed.\n")
        return 2
    from aiops.cli.commands import run

    return run(arguments)
