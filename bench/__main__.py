"""Run every bench, or those named; one past its bound fails the run."""

from __future__ import annotations

import argparse
import ast
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

import bench

_NOT_BENCHES = {"__main__", "hub", "made_systems", "nab_scoring", "ordinary", "paraphrases", "verdict"}


def main() -> int:
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in _NOT_BENCHES)
    options = _options(names)
    if options.list:
        print(_told(names))
        return 0
    chosen = options.names or names
    began, failed = time.monotonic(), []
    for place, name in enumerate(chosen, 1):
        what, takes = _about(name)
        print(f"\n→ {place} of {len(chosen)}: {name}, about {takes}. {what}", flush=True)
        # A process each: what one leaves in memory must not slow the next.
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    print(f"\n{len(chosen)} in {(time.monotonic() - began) / 60:.0f} min; ", end="")
    print(f"past their bound or failed: {', '.join(failed)}" if failed else "all within their bounds")
    return 1 if failed else 0


def _options(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=_told(names),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; default: all, one after the other")
    parser.add_argument("--list", action="store_true", help="only say which there are and how long each takes")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}; there are: {', '.join(names)}")
    return options


def _told(names: list[str]) -> str:
    lines = [(name, *_about(name)) for name in names]
    return "\n".join(f"  {name:<10} {takes:>7}  {what}" for name, what, takes in lines)


def _about(name: str) -> tuple[str, str]:
    """The first sentence of a bench, and how long it takes; read without importing what it measures."""
    tree = ast.parse((Path(bench.__path__[0]) / f"{name}.py").read_text())
    takes = next(
        statement.value.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id == "TAKES"
        and isinstance(statement.value, ast.Constant)
    )
    return (ast.get_docstring(tree) or "").split("\n")[0], str(takes)


if __name__ == "__main__":
    sys.exit(main())
