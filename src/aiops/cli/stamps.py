"""Moments written as a file writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Stamps:
    """`written` is one timestamp of the file, and `at` the Unix seconds that it was read as."""

    written: str
    at: float

    def of(self, at: float) -> str:
        """Unix time in the file's own unit, or a date and time in the file's own zone and manner."""
        try:
            return self._number(float(self.written), at)
        except ValueError:
            return self._date(at)

    def _number(self, written: float, at: float) -> str:
        # Seconds, or a thousandth, millionth or billionth of one.
        unit = next(unit for unit in (1.0, 1e3, 1e6, 1e9) if abs(written) <= abs(self.at) * unit * 1.001)
        return str(round(at * unit)) if self.written.lstrip("-").isdigit() else f"{at * unit:.3f}"

    def _date(self, at: float) -> str:
        last = datetime.fromisoformat(self.written)
        shown = datetime.fromtimestamp(at, last.tzinfo or UTC)
        if last.tzinfo is None:
            shown = shown.replace(tzinfo=None)
        fine = "milliseconds" if "." in self.written else "seconds"
        text = shown.isoformat("T" if "T" in self.written else " ", timespec=fine)
        return text.removesuffix("+00:00") + "Z" if self.written.endswith("Z") else text
