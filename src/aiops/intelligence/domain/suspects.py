"""What an incident's alerts depend on together is its likeliest cause: a thing that took the others down."""

from __future__ import annotations

from datetime import datetime

import msgspec

from aiops.intelligence.domain.causes import MAX_CAUSES, Cause, Evidence, EvidenceKind, Verdict
from aiops.intelligence.domain.incidents import Suspect

_WITH_ALERT, _WITHOUT = 0.95, 0.6
"""Times the share that depends on it. Chosen, not measured: with an alert of its own little else explains the rest."""


def led_by(suspect: Suspect | None, verdict: Verdict, start: datetime, end: datetime) -> Verdict:
    """The causes with the suspect among them, where it belongs; as they are where there is none."""
    if suspect is None:
        return verdict
    mine = _cause(suspect, start, end)
    others = [one for one in verdict.causes if one.node_id != suspect.node_id]
    # What others say of the same thing is said with it.
    same = [one for one in verdict.causes if one.node_id == suspect.node_id]
    if same:
        reasons, evidence = [*mine.reasons, *same[0].reasons], [*mine.evidence, *same[0].evidence]
        mine = _with(mine, max(mine.confidence, same[0].confidence), reasons, evidence)
    left = 1.0 - mine.confidence
    total = sum(one.confidence for one in others)
    if not suspect.told and mine.confidence < max((one.confidence for one in others), default=0.0):
        return verdict
    shrink = min(1.0, left / total) if total else 1.0
    others = [_with(one, round(one.confidence * shrink, 3), one.reasons, one.evidence) for one in others]
    return Verdict([mine, *others][:MAX_CAUSES], None)


def _cause(suspect: Suspect, start: datetime, end: datetime) -> Cause:
    share = suspect.affected / max(1, suspect.located)
    name = f"{suspect.kind.lower()} {suspect.name}"
    depends = f"{share:.0%} of what the topology knows of this incident depends on it, or is it"
    reasons = [depends, f"its own alert fired: {suspect.told}" if suspect.told else "no alert tells of it itself"]
    evidence = Evidence(
        kind=EvidenceKind.TOPOLOGY,
        title=f"What depends on {name}",
        ids=[str(suspect.node_id)],
        cluster_id=suspect.cluster_id,
        start=start,
        end=end,
        finding=depends,
    )
    return Cause(
        title=f"{name}: {suspect.told}" if suspect.told else name,
        cluster_id=suspect.cluster_id,
        subject=suspect.name,
        labels={},
        confidence=round((_WITH_ALERT if suspect.told else _WITHOUT) * share, 3),
        moved_at=start,
        reasons=reasons,
        evidence=[evidence],
        node_id=suspect.node_id,
    )


def _with(cause: Cause, confidence: float, reasons: list[str], evidence: list[Evidence]) -> Cause:
    return msgspec.structs.replace(cause, confidence=confidence, reasons=reasons, evidence=evidence)
