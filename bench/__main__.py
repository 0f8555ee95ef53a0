"""Run every bench, or those named: `python -m bench [NAME …]`. Each prints ratios; one past its floor fails the run."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import bench

_NOT_BENCHES = {"__main__", "hub"}


def main() -> int:
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in _NOT_BENCHES)
    unknown = set(sys.argv[1:]) - set(names)
    if unknown:
        print(f"There is no bench {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
        return 2
    failed = []
    for name in sys.argv[1:] or names:
        print(f"\n→ {name}", flush=True)
        # A process each: what one leaves in memory must not slow the next.
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nPast their floor: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
