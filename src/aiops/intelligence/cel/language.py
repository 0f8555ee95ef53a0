"""CEL, the language in which people write rules: compiled and type-checked by Google's own runtime.

The runtime counts loops, but not what is done in one turn of them: how long it may take is for `worker` to bound.
"""

from __future__ import annotations

import re
from typing import Any

from aiops.intelligence.domain.rule_cases import Case

LONGEST = 2000
_MOST_LABELS = 200
_FAULT = re.compile(r"<input>:(\d+):(\d+): (.*)")
_NOT_THERE = "NOT_FOUND"


class Fault(ValueError):
    """What is wrong with an expression, and where: from 1."""

    def __init__(self, said: str, line: int = 1, column: int = 1) -> None:
        super().__init__(said)
        self.line, self.column = line, column


class Cel:
    """Compiles expressions over `alert` (name, severity, fingerprint), `labels` and `cluster` (name, environment,
    region), all of them maps of strings."""

    def __init__(self) -> None:
        self._environment: Any = None

    def compile(self, expression: str) -> CelCondition:
        """Raises `Fault`."""
        if not expression.strip() or len(expression) > LONGEST:
            raise Fault(f"An expression has 1 to {LONGEST} characters.")
        try:
            program = self._env().compile(expression)
        except RuntimeError as error:
            raise _fault(str(error)) from None
        if program.return_type().name() not in ("BOOL", "DYN"):
            raise Fault(f"It must be true or false; this gives a {program.return_type().name().lower()}.")
        return CelCondition(program)

    def given(self, case: Case) -> Any:
        """The case, as conditions read it; made once for all of them."""
        labels = case.labels
        if len(labels) > _MOST_LABELS:
            labels = dict(sorted(labels.items())[:_MOST_LABELS])
        return self._env().Activation({"alert": case.alert, "labels": labels, "cluster": case.cluster})

    def _env(self) -> Any:
        if self._environment is None:
            from cel_expr_python import cel

            words = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
            self._environment = cel.NewEnv(variables=dict.fromkeys(("alert", "labels", "cluster"), words))
        return self._environment


class CelCondition:
    def __init__(self, program: Any) -> None:
        self._program = program

    def holds(self, given: Any) -> bool:
        """Of what `Cel.given` made. Raises `ValueError` where it can't be judged. A label that is not there makes it
        not hold."""
        try:
            found = self._program.eval(activation=given)
        except RuntimeError as error:
            raise ValueError(str(error)[:300]) from None
        if found.type().name() == "ERROR":
            said = str(found.value())
            if said.startswith(_NOT_THERE):
                return False
            raise ValueError(said[:300])
        return found.value() is True


def _fault(said: str) -> Fault:
    found = _FAULT.search(said)
    if found is None:
        return Fault(f"The expression is not understood: {said[:200]}")
    line, column, words = int(found[1]), int(found[2]), found[3].split(" expecting {")[0]
    words = words.removesuffix(" (in container '')")
    return Fault(f"Line {line}, column {column}: {words}", line, column)
