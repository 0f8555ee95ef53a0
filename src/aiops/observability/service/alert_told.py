"""What is told of alerts, as the hub's own: shaped by the rules, pushed and read ones alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.domain import alert_fingerprint, severity_of
from aiops.observability.needs_alerts import SentAlert
from aiops.observability.ports import Alert, AlertState, Labels, Original, Severity
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.observability.service.alert_shaping import Shaped, Shaping

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MOST_PAYLOAD_BYTES = 32 * 1024
_WORST_FIRST = list(Severity)


class Webhook(msgspec.Struct):
    """What Alertmanager posts; what the hub has no use for is ignored."""

    alerts: list[SentAlert]


class Sender(msgspec.Struct, frozen=True):
    """Who tells of alerts of a cluster: the kind of server, and the name of the source that holds the token."""

    cluster_id: UUID
    kind: str = "alertmanager"
    name: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        return (self.kind,) if self.name is None else (self.kind, self.name)


def as_told(
    sender: Sender, sent: SentAlert, shaping: Shaping, now: datetime, payload: dict[str, Any] | None = None
) -> Alert:
    """`members` is its own fingerprint where a rule makes it one with others."""
    resolved = sent.status == "resolved"
    own = sent.fingerprint or alert_fingerprint(sent.labels)
    shaped = shaping.apply(sender.cluster_id, sender.words, sent.labels, sent.annotations)
    word = shaped.labels.get("severity")
    ends_at = utc(sent.endsAt) if sent.endsAt is not None and sent.endsAt.year > 1 else None
    return Alert(
        cluster_id=sender.cluster_id,
        fingerprint=shaped.fingerprint or own,
        name=shaped.labels.get("alertname", "unnamed"),
        severity=severity_of(word),
        sender_severity=word,
        state=AlertState.RESOLVED if resolved else AlertState.FIRING,
        labels=shaped.labels,
        annotations=sent.annotations,
        # Go's zero time and the like: no calendar goes on from there.
        starts_at=min(max(utc(sent.startsAt), EARLIEST), LATEST),
        # A firing alert's end is only when the sender would forget it.
        ends_at=(ends_at or now) if resolved else None,
        generator_url=sent.generatorURL or None,
        occurrences=1,
        received_at=now,
        source=sender.kind,
        members=(own,) if shaped.fingerprint else (),
        original=_original(sent.labels, sent.annotations, shaped, payload),
    )


def as_shaped(sender: Sender, found: Sequence[FoundAlert], shaping: Shaping) -> dict[str, FoundAlert]:
    """By fingerprint; those that a rule makes one are one."""
    there: dict[str, FoundAlert] = {}
    together: dict[str, list[FoundAlert]] = {}
    for alert in found:
        if not shaping:
            there[alert.fingerprint] = msgspec.structs.replace(alert, source=sender.kind)
            continue
        shaped = shaping.apply(sender.cluster_id, sender.words, alert.labels, alert.annotations)
        one = msgspec.structs.replace(
            alert,
            labels=shaped.labels,
            fingerprint=shaped.fingerprint or alert.fingerprint,
            source=sender.kind,
            members=(alert.fingerprint,) if shaped.fingerprint else (),
            original=_original(alert.labels, alert.annotations, shaped, None),
        )
        if shaped.fingerprint:
            together.setdefault(shaped.fingerprint, []).append(one)
        else:
            there[one.fingerprint] = one
    return there | {mark: _as_one(sorted(many, key=lambda one: one.members)) for mark, many in together.items()}


def _as_one(many: list[FoundAlert]) -> FoundAlert:
    """It fires where one of them does, since the first of them began, as bad as the worst."""
    firing = [one for one in many if one.state is AlertState.FIRING] or many
    worst = min(firing, key=lambda one: _WORST_FIRST.index(severity_of(one.labels.get("severity"))))
    starts = [one.starts_at for one in firing if one.starts_at is not None]
    heard = [one for one in firing if not one.suppressed]
    return msgspec.structs.replace(
        firing[0],
        labels=worst.labels,
        starts_at=min(starts) if starts else None,
        members=tuple(member for one in firing for member in one.members),
        suppressed=not heard,
        silenced_by=() if heard else firing[0].silenced_by,
        inhibited_by=() if heard else firing[0].inhibited_by,
    )


def _original(labels: Labels, annotations: Labels, shaped: Shaped, payload: dict[str, Any] | None) -> Original | None:
    """`None` where nothing was changed."""
    if not shaped.steps and payload is None:
        return None
    return Original(labels, annotations, tuple(step.rule for step in shaped.steps), _kept(payload))


def _kept(payload: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without what is too large to be read again with every list, or what PostgreSQL has no words for."""
    if payload is None:
        return None
    written = msgspec.json.encode(payload)
    return None if len(written) > MOST_PAYLOAD_BYTES or b"\\u0000" in written else payload


def utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{at.isoformat()} lies outside of the calendar once it is told in UTC.") from None
