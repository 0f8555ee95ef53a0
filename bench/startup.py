"""What the process costs before it does anything: import of the application at most 1.5 s.

CPU time of fresh processes that find compiled bytecode, as each start but the first does: an import waits for nothing,
so that on a quiet machine this is the time it takes, and other work on the machine bends it least.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from bench.verdict import at_most, told

TAKES = "15 s"
BOUND_S, ROUNDS = 1.5, 7


def _import(bytecode: str, *options: str) -> tuple[float, float]:
    """Seconds of CPU and by the clock."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, *options, "-c", "import aiops.app"]
    subprocess.run(command, check=True, env={**inherited, "PYTHONPYCACHEPREFIX": bytecode})
    spent, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, spent


def main() -> int:
    with tempfile.TemporaryDirectory() as bytecode:
        # Reads none and writes none: what a first start would compile.
        cold = min(_import(f"{bytecode}/none", "-B")[0] for _ in range(2))
        _import(bytecode)
        found = [_import(bytecode) for _ in range(ROUNDS)]
    told("import of aiops.app, compiled on the way", cold, " s", "CPU time")
    cpu, clock = (statistics.median(side) for side in zip(*found, strict=True))
    note = f"CPU time, median of {ROUNDS} fresh processes; {clock:.2f} s by the clock"
    return 0 if at_most("import of aiops.app", cpu, BOUND_S, " s", note) else 1


if __name__ == "__main__":
    sys.exit(main())
