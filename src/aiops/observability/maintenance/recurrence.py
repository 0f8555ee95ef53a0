"""Recurrence rules of RFC 5545, as far as windows need them: by days, weeks, months and years.

Rules run on local times without an offset; `occurrences` says what these are in UTC. A rule that never comes true would
be looked for up to the year 9999, so what can't be told from its text to come true is refused.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from aiops.kernel.errors import Invalid

MOST_OCCURRENCES = 2_000
YEARS = range(2000, 2101)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_NUMBERS = {"INTERVAL": (1, 366), "COUNT": (1, 10_000)}
_LISTS = {"BYMONTH": (1, 12), "BYMONTHDAY": (-31, 31), "BYSETPOS": (-5, 5)}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")

Parts = dict[str, str]


def parts_of(rule: str) -> Parts:
    """The parts of a rule, `{}` for none. Raises `Invalid`, in plain words."""
    text = rule.strip().upper().removeprefix("RRULE:")
    if not text:
        return {}
    parts: Parts = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if not equals or not value or name in parts:
            raise Invalid(f"{piece[:60]!r} is no part of a recurrence rule, or is there twice.")
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        raise Invalid(f"FREQ must be one of {', '.join(_FREQUENCIES)}.")
    for name, value in parts.items():
        _check(name, value)
    _check_together(parts)
    return parts


def starts(rule: str, first: datetime, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """The local starts within `[begin, end]`, at most 2,000 of them. `first` is the earliest that there may be."""
    if not parts_of(rule):
        return [first] if begin <= first <= end else []
    return _course(rule, first, zone).within(begin, end)


def last_start(rule: str, first: datetime, zone: ZoneInfo) -> datetime | None:
    """The last local start, `None` where there is always another. Raises `Invalid` where there is none at all."""
    parts = parts_of(rule)
    if not parts:
        return first
    made = _rule(rule, first, zone)
    if next(iter(made), None) is None:
        raise Invalid("By this rule it never takes place.")
    if "COUNT" not in parts and "UNTIL" not in parts:
        return None
    last: datetime = list(made)[-1]
    return last


def backwards(rule: str, first: datetime, since: datetime) -> tuple[str, datetime]:
    """The same rhythm from before `since` on: what would have been, had it begun earlier, without an end."""
    parts = parts_of(rule)
    if not parts:
        return "", first
    parts = {name: value for name, value in parts.items() if name not in ("COUNT", "UNTIL")}
    every, days = int(parts.get("INTERVAL", "1")), max((first - since).days, 0)
    # What the start alone says of a day has to be said by the rule, once the start is another.
    if parts["FREQ"] == "WEEKLY":
        parts.setdefault("BYDAY", _DAYS[first.weekday()])
    elif parts["FREQ"] in ("MONTHLY", "YEARLY") and not {"BYDAY", "BYMONTHDAY"} & set(parts):
        parts["BYMONTHDAY"] = str(first.day)
        if parts["FREQ"] == "YEARLY":
            parts.setdefault("BYMONTH", str(first.month))
    if parts["FREQ"] in ("DAILY", "WEEKLY"):
        period = every * (7 if parts["FREQ"] == "WEEKLY" else 1)
        earlier = first - timedelta(days=period * (days // period + 1))
    else:
        months = every * (12 if parts["FREQ"] == "YEARLY" else 1)
        count = first.year * 12 + first.month - 1 - months * (days // (28 * months) + 1)
        earlier = first.replace(year=count // 12, month=count % 12 + 1, day=1)
    return ";".join(f"{name}={value}" for name, value in parts.items()), earlier


class _Course:
    """The starts by a rule, as far as somebody asked for: what is known is looked up, however long ago it began."""

    def __init__(self, starts: Iterator[datetime]) -> None:
        self._rest = starts
        self._known: list[datetime] = []

    def within(self, begin: datetime, end: datetime) -> list[datetime]:
        """Those of `[begin, end]`, at most `MOST_OCCURRENCES`."""
        known = self._known
        while not known or known[-1] <= end:
            if len(known) > MOST_OCCURRENCES and known[-MOST_OCCURRENCES] >= begin:
                break
            following = next(self._rest, None)
            if following is None:
                break
            known.append(following)
        at = bisect_left(known, begin)
        return known[at : min(bisect_right(known, end), at + MOST_OCCURRENCES)]


@lru_cache(maxsize=1024)
def _course(rule: str, first: datetime, zone: ZoneInfo) -> _Course:
    return _Course(iter(_rule(rule, first, zone)))


def _rule(rule: str, first: datetime, zone: ZoneInfo) -> Any:
    from dateutil.rrule import rrulestr

    parts = parts_of(rule)
    if "UNTIL" in parts:
        parts = {**parts, "UNTIL": _until(parts["UNTIL"], zone)}
    try:
        return rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=first)
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid(f"The recurrence rule is wrong: {error}") from None


def _until(word: str, zone: ZoneInfo) -> str:
    """As a local time: a date counts to its end, and `Z` means UTC."""
    try:
        if len(word) == 8:
            return f"{word}T235959"
        if word.endswith("Z"):
            moment = datetime.strptime(word, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return moment.astimezone(zone).strftime("%Y%m%dT%H%M%S")
    except (ValueError, OverflowError):
        raise Invalid(f"UNTIL={word} is no time.") from None
    return word


def _check(name: str, value: str) -> None:
    if name in ("FREQ", "WKST"):
        if name == "WKST" and value not in _DAYS:
            raise Invalid(f"WKST must be one of {', '.join(_DAYS)}.")
    elif name in _NUMBERS:
        low, high = _NUMBERS[name]
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise Invalid(f"{name} must be a number from {low} to {high}.")
    elif name in _LISTS:
        low, high = _LISTS[name]
        for one in value.split(","):
            if not re.fullmatch(r"[+-]?\d{1,2}", one) or not low <= int(one) <= high or int(one) == 0:
                raise Invalid(f"{name} must be numbers from {low} to {high}, and not 0.")
    elif name == "BYDAY":
        if not all(_DAY.fullmatch(one) for one in value.split(",")):
            raise Invalid("BYDAY must be days as MO or, of a month, as 1MO or -1FR.")
    elif name == "UNTIL":
        if not _UNTIL.fullmatch(value) or int(value[:4]) not in YEARS:
            raise Invalid("UNTIL must be a date or a time up to 2100, as 20261231 or 20261231T235959Z.")
    else:
        raise Invalid(f"{name[:40]} is no part that is understood here.")


def _check_together(parts: Parts) -> None:
    """Refuses what might never come true."""
    frequency, days = parts["FREQ"], [_DAY.fullmatch(one) for one in parts.get("BYDAY", "").split(",") if one]
    ordinals = [abs(int(one[1])) for one in days if one is not None and one[1]]
    if "COUNT" in parts and "UNTIL" in parts:
        raise Invalid("A rule ends by COUNT or by UNTIL, not by both.")
    if ordinals and (frequency not in ("MONTHLY", "YEARLY") or "BYMONTHDAY" in parts):
        raise Invalid("A day as 1MO goes with MONTHLY or YEARLY, and not with BYMONTHDAY.")
    most = 53 if frequency == "YEARLY" and "BYMONTH" not in parts else 5
    if ordinals and (min(ordinals) < 1 or max(ordinals) > most):
        raise Invalid(f"There is no such day: its number goes from 1 to {most}.")
    if "BYSETPOS" in parts and (frequency != "MONTHLY" or not days or ordinals or "BYMONTHDAY" in parts):
        raise Invalid("BYSETPOS goes with MONTHLY and BYDAY alone.")
    if "BYMONTH" in parts and parts.get("INTERVAL", "1") != "1" and frequency != "YEARLY":
        raise Invalid("INTERVAL and BYMONTH go together only with YEARLY.")
    months = [int(one) for one in parts.get("BYMONTH", "1").split(",")]
    longest = max(calendar.monthrange(2024, month)[1] for month in months)
    if "BYMONTHDAY" in parts and min(abs(int(one)) for one in parts["BYMONTHDAY"].split(",")) > longest:
        raise Invalid("No such month has a day with this number.")
