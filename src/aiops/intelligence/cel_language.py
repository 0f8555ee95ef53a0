"""CEL, the language in which people write rules: compiled and type-checked by Google's own runtime.

It ends by itself: the language has no loops but over what is given, and the runtime counts these.
"""

from __future__ import annotations

import re
from typing import Any

from aiops.intelligence.domain.correlation import Arrival
from aiops.intelligence.domain.correlation_rules import ClusterFacts
from aiops.kernel.errors import Invalid

LONGEST = 2000
_MOST_LABELS = 200
_FAULT = re.compile(r"<input>:(\d+):(\d+): (.*)")
_NOT_THERE = "NOT_FOUND"


class Cel:
    """Compiles expressions over `alert` (name, severity, fingerprint), `labels` and `cluster` (name, environment,
    region), all of them maps of strings."""

    def __init__(self) -> None:
        self._environment: Any = None

    def compile(self, expression: str) -> CelCondition:
        """Raises `Invalid`; its details are the `line` and `column` of the fault, from 1."""
        if not expression.strip() or len(expression) > LONGEST:
            raise Invalid(f"An expression has 1 to {LONGEST} characters.", details={"line": 1, "column": 1})
        try:
            program = self._env().compile(expression)
        except RuntimeError as error:
            raise _fault(str(error)) from None
        if program.return_type().name() not in ("BOOL", "DYN"):
            gives = program.return_type().name().lower()
            raise Invalid(f"It must be true or false; this gives a {gives}.", details={"line": 1, "column": 1})
        return CelCondition(program)

    def _env(self) -> Any:
        if self._environment is None:
            # 6 MB that a hub without rules never loads.
            from cel_expr_python import cel

            words = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
            self._environment = cel.NewEnv(variables=dict.fromkeys(("alert", "labels", "cluster"), words))
        return self._environment


class CelCondition:
    """`domain.correlation_rules.Condition`."""

    def __init__(self, program: Any) -> None:
        self._program = program

    def holds(self, arrival: Arrival, cluster: ClusterFacts) -> bool:
        """Raises `ValueError` where it can't be judged."""
        alert = {"name": arrival.name, "severity": arrival.severity.value, "fingerprint": arrival.subject}
        labels = arrival.labels
        if len(labels) > _MOST_LABELS:
            labels = dict(sorted(labels.items())[:_MOST_LABELS])
        given = {"alert": alert, "labels": labels, "cluster": cluster._asdict()}
        try:
            found = self._program.eval(data=given)
        except RuntimeError as error:
            raise ValueError(str(error)[:300]) from None
        if found.type().name() == "ERROR":
            said = str(found.value())
            if said.startswith(_NOT_THERE):
                return False
            raise ValueError(said[:300])
        return found.value() is True


def _fault(said: str) -> Invalid:
    found = _FAULT.search(said)
    if found is None:
        return Invalid(f"The expression is not understood: {said[:200]}", details={"line": 1, "column": 1})
    line, column, words = int(found[1]), int(found[2]), found[3].split(" expecting {")[0]
    words = words.removesuffix(" (in container '')")
    return Invalid(f"Line {line}, column {column}: {words}", details={"line": line, "column": column})
