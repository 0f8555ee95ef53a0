"""How an alert changes by what is told of it, and what of that is news. No I/O.

An episode is told by its start. A webhook tells of a moment and may come late; who reads alerts where they are kept
sees how things are.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.observability.domain import severity_of
from aiops.observability.events import AlertFired, AlertResolved, AlertUpdated
from aiops.observability.ports import Alert, AlertState, Handling, Severity
from aiops.observability.service.alert_pull_remote import FoundAlert

# Alertmanager's webhook writes nanoseconds and its API cuts them to milliseconds.
_SAME_START = timedelta(milliseconds=1)
# Of two Alertmanagers behind one address, one hears of an end a little before the other.
_OVERTAKEN = timedelta(seconds=10)
# A server that was just started is told anew of what it had only in memory: Prometheus sends again every minute, or
# every evaluation of a slow rule.
FORGETFUL = timedelta(minutes=5)
TOUCH_EVERY = timedelta(minutes=1)
MOST_MEMBERS = 1_000
_WORST_FIRST = list(Severity)
# So many episodes begin within that time where an alert flaps; it is calm once none has begun for a while.
FLAPS = 5
FLAPPING_WITHIN = timedelta(hours=1)
CALM_AFTER = timedelta(minutes=15)


def merge(known: Alert | None, sent: Alert) -> Alert | None:
    """The alert as it stands after a notice arrived; `None` where that says nothing new, or something older.

    News of an episode before the known one is late. Within one, an end is final: a firing notice that comes behind it
    was overtaken.
    """
    if known is None:
        return _counted(None, sent)
    sent = _kept(known, sent, pulled=known.pulled)
    if _same_episode(known, sent):
        if known.state == AlertState.RESOLVED and sent.state != AlertState.RESOLVED:
            return None
        sent = msgspec.structs.replace(
            sent,
            starts_at=known.starts_at,
            occurrences=known.occurrences,
            suppressed=known.suppressed,
            silenced_by=known.silenced_by,
            inhibited_by=known.inhibited_by,
        )
    elif sent.starts_at < known.starts_at:
        return None
    else:
        sent = _begun(msgspec.structs.replace(sent, occurrences=known.occurrences + 1, pulled=False))
    same = msgspec.structs.replace(sent, received_at=known.received_at)
    return None if same == known else _counted(known, sent)


def merge_one_of_many(known: Alert | None, sent: Alert) -> Alert | None:
    """As `merge`, where a rule makes several of the sender's alerts one: it fires while any of them does."""
    mine = set(sent.members)
    ended = sent.state == AlertState.RESOLVED
    if known is None or known.state == AlertState.RESOLVED:
        if known is not None and not ended and sent.starts_at <= known.starts_at:
            # Another of them goes on, of which nothing was told for a while.
            sent = msgspec.structs.replace(sent, starts_at=sent.received_at)
        return merge(known, msgspec.structs.replace(sent, members=() if ended else sent.members))
    left = tuple(sorted(set(known.members) - mine if ended else set(known.members) | mine))[:MOST_MEMBERS]
    if ended and not left:
        return merge(known, msgspec.structs.replace(sent, starts_at=known.starts_at, members=()))
    severity = min(known.severity, sent.severity, key=_WORST_FIRST.index) if not ended else known.severity
    changed = msgspec.structs.replace(known, members=left, severity=severity, received_at=sent.received_at)
    return None if left == known.members and severity == known.severity else changed


def merge_found(known: Alert | None, found: Alert, asked_at: datetime) -> Alert | None:
    """The alert as it stands after it was found where alerts are kept; `None` where nothing changed, or where its end
    was told while we asked."""
    if known is None:
        return _counted(None, found)
    found = _kept(known, found, pulled=True)
    ended = known.state == AlertState.RESOLVED
    if ended and asked_at - known.received_at < _OVERTAKEN:
        return None
    if not ended and (found.members or found.starts_at <= known.starts_at or _same_episode(known, found)):
        found = msgspec.structs.replace(found, starts_at=known.starts_at, occurrences=known.occurrences)
    else:
        # One that had ended for us goes on where it is kept: for those who heard of the end it begins again, now.
        begins = found.starts_at if found.starts_at > known.starts_at + _SAME_START else asked_at
        found = _begun(msgspec.structs.replace(found, starts_at=begins, occurrences=known.occurrences + 1))
    same = msgspec.structs.replace(found, received_at=known.received_at)
    return None if same == known else _counted(known, found)


def _kept(known: Alert, told: Alert, *, pulled: bool) -> Alert:
    """What the hub itself knows of an alert, beside what is told of it now."""
    return msgspec.structs.replace(
        told,
        handling=known.handling,
        starts=known.starts,
        flapping=known.flapping,
        source=known.source,
        pulled=pulled,
    )


def ended_unseen(known: Alert, asked_at: datetime, up_since: datetime | None) -> bool:
    """Whether an alert that is not among those found has ended: not yet where its server may have forgotten it."""
    if known.received_at > asked_at:
        return False
    if up_since is not None and asked_at - up_since >= FORGETFUL:
        return True
    return asked_at - known.received_at >= FORGETFUL + TOUCH_EVERY


def as_found(cluster_id: UUID, found: FoundAlert, known: Alert | None, now: datetime) -> Alert:
    """Where nobody tells when it began, that is when it was first seen."""
    seen_before = known is not None and known.state != AlertState.RESOLVED
    began = known.starts_at if known is not None and seen_before else now
    word = found.labels.get("severity")
    return Alert(
        cluster_id=cluster_id,
        fingerprint=found.fingerprint,
        name=found.labels.get("alertname", "unnamed"),
        severity=severity_of(word),
        sender_severity=word,
        state=found.state,
        labels=found.labels,
        annotations=found.annotations,
        starts_at=found.starts_at or began,
        ends_at=None,
        generator_url=found.generator_url,
        occurrences=1,
        received_at=now,
        suppressed=found.suppressed,
        silenced_by=found.silenced_by,
        inhibited_by=found.inhibited_by,
        pulled=True,
        source=found.source,
        members=found.members,
        original=found.original,
    )


def turned(before: Alert | None, alert: Alert) -> bool:
    """Whether its state changed, or another episode began."""
    return before is None or (before.state, before.starts_at) != (alert.state, alert.starts_at)


def news(before: Alert | None, alert: Alert) -> type[AlertFired | AlertResolved | AlertUpdated] | None:
    """What to tell of the change. Nobody is alarmed by what is pending, suppressed or under maintenance, nor told that
    it is over; and what flaps fired once and is over once it is calm."""
    if before is not None and _told_alike(before, alert):
        return None
    if before is not None and before.flapping and alert.flapping:
        return AlertUpdated
    if alert.state == AlertState.RESOLVED:
        never_fired = before is not None and before.state == AlertState.PENDING
        return AlertResolved if turned(before, alert) and not never_fired else AlertUpdated
    if _alarms(alert) and (turned(before, alert) or before is None or not _alarms(before)):
        return AlertFired
    return AlertUpdated


def _told_alike(before: Alert, alert: Alert) -> bool:
    silent = {name: getattr(before, name) for name in ("pulled", "received_at", "members", "original")}
    return msgspec.structs.replace(alert, **silent) == before


def _begun(alert: Alert) -> Alert:
    """Another episode, which nobody handles yet."""
    return msgspec.structs.replace(alert, handling=Handling(snoozed_until=alert.handling.snoozed_until))


def _counted(before: Alert | None, alert: Alert) -> Alert:
    """With its start among the latest, where it alarms; many of them in a while make it flap."""
    if not _alarms(alert) or not turned(before, alert):
        return alert
    starts = (*alert.starts, alert.starts_at)[-FLAPS:]
    flaps = len(starts) == FLAPS and starts[-1] - starts[0] <= FLAPPING_WITHIN
    return msgspec.structs.replace(alert, starts=starts, flapping=alert.flapping or flaps)


def _alarms(alert: Alert) -> bool:
    return alert.state == AlertState.FIRING and not alert.suppressed and not alert.maintained_by


def _same_episode(known: Alert, told: Alert) -> bool:
    """Two Prometheus of a pair, or a rule and the notice of it, give one episode different starts; one that was seen
    going on after the later of them, or seen pending, is the same."""
    if abs(told.starts_at - known.starts_at) <= _SAME_START:
        return True
    if not known.pulled or known.state == AlertState.RESOLVED or told.starts_at < known.starts_at:
        return False
    return told.starts_at < known.received_at or known.state == AlertState.PENDING
