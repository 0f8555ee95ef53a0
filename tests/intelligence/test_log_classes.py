"""How bad a line is and what it is about, by its own level and by words that failures have in common."""

from __future__ import annotations

import pytest

from aiops.intelligence.domain.log_classes import class_of, level_of, severity_of
from aiops.intelligence.domain.log_patterns import FailureClass
from aiops.observability.ports import Severity


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2026-11-21T00:00:00Z ERROR something", "error"),
        ("[warn] child exited", "warn"),
        ('level=info msg="started"', "info"),
        ("W1121 10:00:00.000000 1 reflector.go:1] late", "warning"),
        ("connection closed", None),
        ("an error in the middle of a sentence", None),
    ],
)
def test_a_line_names_its_own_level(line: str, level: str | None) -> None:
    assert level_of(line) == level


@pytest.mark.parametrize(
    ("text", "levels", "severity"),
    [
        ("started in <*>", (), Severity.INFO),
        ("started in <*>", ("warning",), Severity.MEDIUM),
        ("started in <*>", ("info", "error"), Severity.HIGH),
        ("kernel panic - not syncing", ("info",), Severity.HIGH),
        ("kernel panic - not syncing", ("emerg",), Severity.CRITICAL),
        ("could not connect to <*>", (), Severity.MEDIUM),
        ("could not connect to <*>", ("info",), Severity.INFO),
        ("finished with error: none", (), Severity.INFO),
        ("session <*> with negotiated timeout <*>", (), Severity.INFO),
    ],
)
def test_the_worst_of_what_is_known_counts(text: str, levels: tuple[str, ...], severity: Severity) -> None:
    assert severity_of(text, levels) is severity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write failed: No space left on device", FailureClass.DISK),
        ("Out of memory: Killed process <*> (java)", FailureClass.MEMORY),
        ("dial tcp <*>:<*>: connect: connection refused", FailureClass.NETWORK),
        ("PSU <*> failed, power supply lost", FailureClass.POWER),
        ("mce: [Hardware Error]: Machine check events logged", FailureClass.HARDWARE),
        ("Failed password for <*> from <*> port <*>", FailureClass.AUTH),
        ("x509: certificate has expired or is not yet valid", FailureClass.CERTIFICATE),
        ("context deadline exceeded after <*>", FailureClass.TIMEOUT),
        ("Back-off restarting failed container <*>", FailureClass.CRASH),
        ("accept failed: too many open files", FailureClass.OVERLOAD),
        ("unknown directive <*> in <*>, configuration error", FailureClass.CONFIGURATION),
        ("the frobnicator failed", None),
    ],
)
def test_failures_are_of_the_class_that_their_words_tell(text: str, expected: FailureClass | None) -> None:
    assert class_of(text, Severity.HIGH) is expected


def test_what_is_no_failure_has_no_class() -> None:
    assert class_of("disk <*> mounted at /file system/<*>", Severity.INFO) is None
