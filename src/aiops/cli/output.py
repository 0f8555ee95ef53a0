"""What the commands say on standard output."""

from __future__ import annotations

import contextlib
import sys


def say(text: str) -> None:
    """A line, at once."""
    # A terminal that was closed takes no more lines.
    with contextlib.suppress(OSError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
