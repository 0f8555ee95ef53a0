"""Pure rules of observability: what a name may be, how a sender's severity reads, how an alert changes."""

from __future__ import annotations

import re

from aiops.observability.ports import Labels, Severity

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]")
OWN_PREFIX = "aiops:"
MOST_LABELS = 64
LONGEST_NAME = 256
LONGEST_VALUE = 2048

_FNV_START = 14695981039346656037
_FNV_PRIME = 1099511628211

_SEVERITIES = {
    Severity.CRITICAL: ("critical", "crit", "fatal", "emergency", "emerg", "page", "disaster", "p1", "sev1"),
    Severity.HIGH: ("high", "error", "err", "major", "alert", "p2", "sev2"),
    Severity.MEDIUM: ("medium", "warning", "warn", "minor", "moderate", "average", "p3", "sev3"),
    Severity.LOW: ("low", "notice", "p4", "sev4"),
    Severity.INFO: ("info", "information", "informational", "none", "debug", "ok", "p5", "sev5"),
}
_BY_WORD = {word: severity for severity, words in _SEVERITIES.items() for word in words}
SEVERITY_RANK = {severity: rank for rank, severity in enumerate(reversed(Severity))}


def severity_of(word: str | None) -> Severity:
    """The one scale; a word that is missing or unknown reads as MEDIUM, so that it is neither lost nor an alarm."""
    return _BY_WORD.get((word or "").strip().lower(), Severity.MEDIUM)


def label_name(word: str) -> str:
    """A name that a label may have, as near to the word as can be."""
    name = _NO_LABEL.sub("_", word)[:LONGEST_NAME]
    return f"_{name}" if not name or name[0].isdigit() else name


def fault_in_name(name: str) -> str | None:
    """Why a pushed metric can't have this name; `None` where it can."""
    if len(name) > LONGEST_NAME or not METRIC_NAME.fullmatch(name):
        return f"the name must match {METRIC_NAME.pattern} and have at most {LONGEST_NAME} characters"
    if name.startswith(OWN_PREFIX):
        return f"names that start with {OWN_PREFIX} are the hub's own"
    return None


def fault_in_labels(labels: Labels) -> str | None:
    """Why a pushed metric can't have these labels; `None` where it can."""
    if len(labels) > MOST_LABELS:
        return f"at most {MOST_LABELS} labels"
    for name, value in labels.items():
        if len(name) > LONGEST_NAME or not LABEL_NAME.fullmatch(name):
            return f"the label name {name[:40]!r} must match {LABEL_NAME.pattern}"
        if name.startswith("__"):
            return f"the label name {name[:40]!r} is reserved, as all that start with __"
        if len(value) > LONGEST_VALUE or "\x00" in value:
            return f"the value of label {name[:40]!r} is longer than {LONGEST_VALUE} characters or has a zero byte"
    return None


def alert_fingerprint(labels: Labels) -> str:
    """As Alertmanager computes it (FNV-1a of 64 bits over the sorted labels), for what comes without one: the same
    labels make the same alert, whoever tells of it."""
    mark = _FNV_START
    for name in sorted(labels, key=str.encode):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            mark = (mark ^ byte) * _FNV_PRIME & 0xFFFF_FFFF_FFFF_FFFF
    return f"{mark:016x}"
