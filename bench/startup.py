"""What the process costs before it does anything: import of the application at most 1.5 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

MOST_S, ROUNDS = 1.5, 5


def main() -> int:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import aiops.app"], check=True)
        times.append(time.perf_counter() - started)
    typical = statistics.median(times)
    print(f"import aiops.app: median {typical:.2f} s of {ROUNDS} fresh processes (at most {MOST_S} s)")
    return 1 if typical > MOST_S else 0


if __name__ == "__main__":
    sys.exit(main())
