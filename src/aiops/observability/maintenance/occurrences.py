"""When a window takes place, in UTC, also in the two nights of the year when the clock is changed.

The clock on the wall counts: 01:00 to 05:00 are three hours in the night when one is left out and five when one comes
twice. A start that is left out moves on by as much, as RFC 5545 (3.3.5) has it, and the window keeps its length. A
start that comes twice is the first, an end that comes twice the second: nothing within is forgotten.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiops.kernel.errors import Invalid
from aiops.observability.maintenance.recurrence import backwards, last_start, starts
from aiops.observability.maintenance.windows import Occurrence, Terms, Window, duration_of

_DAY = timedelta(days=1)
_HORIZONS = (timedelta(days=40), timedelta(days=400), timedelta(days=4_000))


def zone_of(name: str) -> ZoneInfo:
    """Raises `Invalid` for what is no zone of the IANA database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"There is no time zone {name[:64]!r}; take one as Europe/Berlin or UTC.") from None


def between(terms: Terms, begin: datetime, end: datetime) -> list[Occurrence]:
    """Those that take place at some moment of `[begin, end)`, the earliest first, cuts applied."""
    zone = zone_of(terms.timezone)
    found = _resolved(terms, terms.rrule, terms.starts_local, zone, begin, end)
    if isinstance(terms, Window) and terms.cuts:
        cuts = {cut.starts_at: cut.ends_at for cut in terms.cuts}
        found = [_cut(one, cuts) for one in found if cuts.get(one.starts_at, one.ends_at) is not None]
    return [one for one in found if one.ends_at > begin and one.starts_at < end and one.ends_at > one.starts_at]


def active(terms: Terms, now: datetime) -> Occurrence | None:
    """The one that takes place now; of several, the one that ends last."""
    running = [one for one in between(terms, now, now + timedelta(microseconds=1)) if one.starts_at <= now]
    return max(running, key=lambda one: one.ends_at, default=None)


def following(terms: Terms, now: datetime) -> Occurrence | None:
    """The next one that begins after now; `None` where there is none in the next ten years."""
    for horizon in _HORIZONS:
        for one in between(terms, now, now + horizon):
            if one.starts_at > now:
                return one
    return None


def over_at(terms: Terms) -> datetime | None:
    """When the last one ends, `None` where there is always another. Raises `Invalid` where there is none."""
    zone = zone_of(terms.timezone)
    last = last_start(terms.rrule, terms.starts_local, zone)
    try:
        return None if last is None else _occurrence(last, duration_of(terms), zone).ends_at
    except OverflowError:
        raise Invalid("The last of them lies behind the end of the calendar.") from None


def would_have_been(terms: Terms, begin: datetime, end: datetime) -> list[Occurrence]:
    """Those that would have taken place, had the same rhythm begun before `begin`; none of what happens but once."""
    zone = zone_of(terms.timezone)
    since = begin.astimezone(zone).replace(tzinfo=None) - duration_of(terms)
    rule, first = backwards(terms.rrule, terms.starts_local, since)
    found = _resolved(terms, rule, first, zone, begin, end)
    return [one for one in found if one.ends_at > begin and one.starts_at < end]


def _resolved(
    terms: Terms, rule: str, first: datetime, zone: ZoneInfo, begin: datetime, end: datetime
) -> list[Occurrence]:
    # By a day more on both sides: no clock is changed by so much.
    early = _local(begin, zone) - duration_of(terms) - _DAY
    found = starts(rule, first, zone, early, _local(end, zone) + _DAY)
    return [_occurrence(local, duration_of(terms), zone) for local in found]


def _occurrence(local: datetime, duration: timedelta, zone: ZoneInfo) -> Occurrence:
    start, left_out = _first(local, zone), _second(local, zone) < _first(local, zone)
    over = local + duration
    end = max(_first(over, zone), _second(over, zone))
    return Occurrence(start, max(end, start + duration) if left_out else end)


def _first(local: datetime, zone: ZoneInfo) -> datetime:
    """Of a time that comes twice the first; of one that is left out, by the offset before the change."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _second(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _cut(one: Occurrence, cuts: dict[datetime, datetime | None]) -> Occurrence:
    ends_at = cuts.get(one.starts_at)
    return one if ends_at is None else Occurrence(one.starts_at, min(one.ends_at, ends_at))


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)
