"""Asks the process that judges rules, and starts another one where it was ended by a rule."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import msgspec

from aiops.intelligence.cel.worker import Answer, Asked
from aiops.intelligence.domain.correlation_rules import Verdict
from aiops.intelligence.domain.rule_cases import Case

_WAITS_S = 10.0
"""So long for an answer beside the processor time that a rule is given: others may hold the processor."""


class CelJudge:
    """`domain.correlation_rules.Judge`, by one process, which is started when it is first needed. Blocking: call it in
    a thread. Several may call it; they wait for each other."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def judge(self, expressions: Sequence[str], cases: Sequence[Case], seconds: float, in_all: float) -> list[Verdict]:
        """Each case is given to the expressions in their order, until one holds. `seconds` of processor time are each
        expression's for all cases, `in_all` those of all of them."""
        found: list[Verdict] = []
        left, spent = dict(enumerate(cases)), 0.0
        with self._turn:
            while len(found) < len(expressions):
                if spent >= in_all:
                    rest = len(expressions) - len(found)
                    return [*found, *[Verdict(late="the rules before it took all the time there was")] * rest]
                places = list(left)
                asked = Asked(list(expressions[len(found) :]), [left[at] for at in places], seconds)
                for verdict, took in self._ask(asked, places, in_all - spent):
                    found.append(verdict)
                    spent += took
                    for at in verdict.holds:
                        del left[at]
        return found

    def close(self) -> None:
        with self._turn:
            self._end()

    def _ask(self, asked: Asked, places: Sequence[int], in_all: float) -> list[tuple[Verdict, float]]:
        """Of as many as were judged; the last one may be the one that ended the process."""
        self._send(msgspec.json.encode(asked) + b"\n")
        found: list[tuple[Verdict, float]] = []
        spent = 0.0
        while len(found) < len(asked.expressions) and spent < in_all:
            try:
                line = self._line(asked.seconds + _WAITS_S)
            except TimeoutError:
                self._end()
                return [*found, (Verdict(late="the processor was taken by others"), asked.seconds)]
            if line is None:
                ended = self._end(read_to_its_end=True)
                return [*found, (Verdict(slow=_why(ended, asked)), asked.seconds)]
            answer = msgspec.json.decode(line, type=Answer)
            verdict = Verdict(
                holds=tuple(places[at] for at in answer.holds),
                failures=tuple(answer.failures),
                fault=answer.fault,
                at=(answer.line, answer.column),
            )
            found.append((verdict, answer.took_s))
            spent += answer.took_s
        if len(found) < len(asked.expressions):
            # It goes on with what nobody waits for.
            self._end()
        return found

    def _send(self, line: bytes) -> None:
        for fresh in (False, True):
            process = self._running(fresh)
            assert process.stdin is not None
            try:
                process.stdin.write(line)
                process.stdin.flush()
            except BrokenPipeError:
                # It had ended, as one does that nobody asks anything for a while.
                continue
            return
        raise RuntimeError("the process that judges rules can't be started")

    def _line(self, seconds: float) -> bytes | None:
        """The next line; `None` at the end. Raises `TimeoutError`."""
        assert self._process is not None
        assert self._process.stdout is not None
        until = time.monotonic() + seconds
        file = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(file, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError
                some = os.read(file, 1 << 16)
                if not some:
                    return None
                self._rest += some
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _running(self, fresh: bool) -> subprocess.Popen[bytes]:
        if fresh or (self._process is not None and self._process.poll() is not None):
            self._end()
        if self._process is None:
            self._rest = b""
            self._process = subprocess.Popen(
                [sys.executable, "-m", "aiops.intelligence.cel.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _end(self, read_to_its_end: bool = False) -> int | None:
        """How it ended: the number of a signal is negative."""
        process, self._process = self._process, None
        if process is None:
            return None
        if not read_to_its_end:
            process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        return process.wait()


def _why(ended: int | None, asked: Asked) -> str:
    if ended == -signal.SIGPROF:
        many = f"{len(asked.cases)} alert{'' if len(asked.cases) == 1 else 's'}"
        return f"it took more than {asked.seconds * 1000:.0f} ms for {many}"
    # Of memory there is a bound too.
    return f"it ended the process that judges rules ({ended})"
