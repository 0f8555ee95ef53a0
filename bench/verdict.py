"""How a bench says what it found: one line a figure, with its bound, and whether it held."""

from __future__ import annotations


def at_most(name: str, figure: float, bound: float, unit: str = "", note: str = "") -> bool:
    """Print `name: figure (bound)`; whether the figure is within it."""
    return _say(name, figure, unit, note, f"at most {_number(bound)}{unit}", figure <= bound)


def at_least(name: str, figure: float, bound: float, unit: str = "", note: str = "") -> bool:
    """Print `name: figure (bound)`; whether the figure reaches it."""
    return _say(name, figure, unit, note, f"at least {_number(bound)}{unit}", figure >= bound)


def told(name: str, figure: float, unit: str = "", note: str = "") -> None:
    """Print a figure that nothing is promised about."""
    print(f"{name}: {_number(figure)}{unit}{f', {note}' if note else ''} (no bound)", flush=True)


def _say(name: str, figure: float, unit: str, note: str, bound: str, held: bool) -> bool:
    past = "" if held else " ← past its bound"
    print(f"{name}: {_number(figure)}{unit}{f', {note}' if note else ''} ({bound}){past}", flush=True)
    return held


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.2f}"
