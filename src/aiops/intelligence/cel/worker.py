"""The process in which rules are judged: `python -m aiops.intelligence.cel.worker`, a line of JSON in, some out.

An expression that takes more of the processor than it is given ends this process, whatever it is doing: the one who
asked has read what came before, and so knows which it was.
"""

from __future__ import annotations

import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from aiops.intelligence.cel.language import Cel, CelCondition, Fault
from aiops.intelligence.domain.rule_cases import Case

IDLE_S = 300.0
_MEMORY = 1 << 30
_MOST_FAILURES = 5
_MOST_COMPILED = 500


class Asked(msgspec.Struct, frozen=True):
    """Each case is given to the expressions in their order, until one holds. `seconds` are each one's, of processor
    time, for all cases."""

    expressions: list[str]
    cases: list[Case]
    seconds: float


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one expression: the places of the cases for which it holds, what it could not judge, what is wrong with it
    (then `line` and `column` are set), and the processor time."""

    holds: list[int] = []
    failures: list[str] = []
    fault: str | None = None
    line: int = 0
    column: int = 0
    took_s: float = 0.0


class Worker:
    def __init__(self) -> None:
        self._cel = Cel()
        self._compiled: dict[str, CelCondition] = {}

    def answers(self, asked: Asked) -> Iterator[Answer]:
        left = {at: self._cel.given(case) for at, case in enumerate(asked.cases)}
        for expression in asked.expressions:
            began = time.process_time()
            with _at_most(asked.seconds):
                answer = self._answer(expression, left)
            for at in answer.holds:
                del left[at]
            yield msgspec.structs.replace(answer, took_s=time.process_time() - began)

    def _answer(self, expression: str, left: dict[int, Any]) -> Answer:
        try:
            condition = self._condition(expression)
        except Fault as fault:
            return Answer(fault=str(fault), line=fault.line, column=fault.column)
        holds, failures = [], []
        for at, given in left.items():
            try:
                if condition.holds(given):
                    holds.append(at)
            except ValueError as error:
                failures.append(str(error))
                if len(failures) >= _MOST_FAILURES:
                    break
        return Answer(holds=holds, failures=failures)

    def _condition(self, expression: str) -> CelCondition:
        if expression not in self._compiled:
            if len(self._compiled) >= _MOST_COMPILED:
                self._compiled.clear()
            self._compiled[expression] = self._cel.compile(expression)
        return self._compiled[expression]


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    # Not handled: a handler of Python's would wait for the very call that takes too long.
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker, read = Worker(), msgspec.json.Decoder(Asked)
    # What is loaded at the first use is not counted to the first rule.
    list(worker.answers(Asked(["true"], [Case({}, {}, {})], 60)))
    while select.select([sys.stdin.fileno()], [], [], IDLE_S)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        for answer in worker.answers(read.decode(line)):
            sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
