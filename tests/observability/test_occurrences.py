"""When windows take place: recurrence on the wall's clock, and the two nights a year when that is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aiops.kernel.errors import Invalid
from aiops.observability.maintenance.occurrences import active, between, following, over_at, would_have_been, zone_of
from aiops.observability.maintenance.windows import Terms


def terms(starts: str, hours: float, rule: str = "", zone: str = "Europe/Berlin") -> Terms:
    return Terms(
        title="t",
        timezone=zone,
        starts_local=datetime.fromisoformat(starts),
        duration_s=int(hours * 3600),
        rrule=rule,
    )


def told(of: Terms, start: str, end: str) -> list[tuple[str, str]]:
    """In UTC, with the hours that each lasts."""
    found = between(of, _utc(start), _utc(end))
    return [(f"{one.starts_at:%m-%d %H:%M}", f"{one.ends_at:%m-%d %H:%M}") for one in found]


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_nightly_window_keeps_to_the_clock_on_the_wall_across_both_changes() -> None:
    nightly = terms("2026-01-01T01:00", 4, "FREQ=DAILY")
    # 29 March: 02:00 is 03:00 at once, so the night is three hours long; 25 October it is five.
    assert told(nightly, "2026-03-28T12:00", "2026-03-30T12:00") == [
        ("03-29 00:00", "03-29 03:00"),
        ("03-29 23:00", "03-30 03:00"),
    ]
    assert told(nightly, "2026-10-24T12:00", "2026-10-26T12:00") == [
        ("10-24 23:00", "10-25 04:00"),
        ("10-26 00:00", "10-26 04:00"),
    ]


def test_a_start_that_does_not_exist_moves_on_by_the_missing_hour_and_keeps_its_length() -> None:
    weekly = terms("2026-03-01T02:30", 1, "FREQ=WEEKLY;BYDAY=SU")
    assert told(weekly, "2026-03-21T00:00", "2026-04-06T00:00") == [
        ("03-22 01:30", "03-22 02:30"),
        ("03-29 01:30", "03-29 02:30"),
        ("04-05 00:30", "04-05 01:30"),
    ]
    new_york = terms("2026-03-08T02:30", 0.5, zone="America/New_York")
    assert told(new_york, "2026-03-08T00:00", "2026-03-09T00:00") == [("03-08 07:30", "03-08 08:00")]


def test_an_hour_that_comes_twice_is_covered_both_times() -> None:
    weekly = terms("2026-10-18T02:30", 1, "FREQ=WEEKLY;BYDAY=SU")
    assert told(weekly, "2026-10-17T00:00", "2026-11-02T00:00") == [
        ("10-18 00:30", "10-18 01:30"),
        ("10-25 00:30", "10-25 02:30"),
        ("11-01 01:30", "11-01 02:30"),
    ]
    within = terms("2026-10-25T02:10", 40 / 60)
    assert told(within, "2026-10-25T00:00", "2026-10-26T00:00") == [("10-25 00:10", "10-25 01:50")]


def test_half_an_hour_of_daylight_saving_is_no_other_case() -> None:
    # Lord Howe Island goes from 02:00 to 02:30 on 4 October 2026, and back on 5 April.
    assert told(terms("2026-10-04T02:15", 1, zone="Australia/Lord_Howe"), "2026-10-03T00:00", "2026-10-05T00:00") == [
        ("10-03 15:45", "10-03 16:45")
    ]
    assert told(terms("2026-04-05T01:45", 1, zone="Australia/Lord_Howe"), "2026-04-04T00:00", "2026-04-06T00:00") == [
        ("04-04 14:45", "04-04 16:15")
    ]


@pytest.mark.parametrize(
    ("rule", "first", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2", "2026-01-01T22:00", ["01-13", "02-10", "03-10"]),
        ("FREQ=MONTHLY;BYDAY=-1SA", "2026-01-01T22:00", ["01-31", "02-28", "03-28"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2026-01-05T22:00", ["01-05", "01-09", "01-19", "01-23"]),
        ("RRULE:FREQ=DAILY;COUNT=3", "2026-01-30T22:00", ["01-30", "01-31", "02-01"]),
        ("FREQ=DAILY;UNTIL=20260103T213000Z", "2026-01-01T22:30", ["01-01", "01-02", "01-03"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31T22:00", ["01-31", "03-31"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2026-01-01T22:00", []),
    ],
)
def test_rules_of_rfc_5545_give_their_days(rule: str, first: str, days: list[str]) -> None:
    found = between(terms(first, 1, rule), _utc("2026-01-01T00:00"), _utc("2026-04-01T00:00"))
    assert [f"{one.starts_at.astimezone(zone_of('Europe/Berlin')):%m-%d}" for one in found][: len(days)] == days


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=DAILY;BYHOUR=3",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=DAILY;UNTIL=20251231",
        "FREQ=DAILY;UNTIL=20269999T000000Z",
        "DAILY",
        "FREQ=DAILY;FREQ=WEEKLY",
    ],
)
def test_a_rule_that_is_wrong_or_never_comes_true_is_refused(rule: str) -> None:
    with pytest.raises(Invalid):
        over_at(terms("2026-01-01T02:00", 1, rule))


def test_it_is_told_what_runs_what_follows_and_when_all_is_over() -> None:
    thrice = terms("2026-01-01T10:00", 30, "FREQ=DAILY;COUNT=3", "UTC")
    now = _utc("2026-01-02T11:00")
    # The one of yesterday still runs too, and ends first.
    running = active(thrice, now)
    assert running is not None
    assert (running.starts_at, running.ends_at) == (_utc("2026-01-02T10:00"), _utc("2026-01-03T16:00"))
    after = following(thrice, now)
    assert after is not None
    assert after.starts_at == _utc("2026-01-03T10:00")
    assert over_at(thrice) == _utc("2026-01-04T16:00")
    assert over_at(terms("2026-01-01T10:00", 1, "FREQ=DAILY")) is None
    assert active(thrice, _utc("2026-01-04T16:00")) is None


def test_a_rhythm_is_followed_back_before_it_began() -> None:
    end = _utc("2026-06-30T00:00")
    for rule, count in (("FREQ=DAILY", 14), ("FREQ=WEEKLY", 2), ("FREQ=WEEKLY;INTERVAL=2", 1), ("FREQ=MONTHLY", 1)):
        planned = terms("2026-07-07T03:00", 1, rule)
        found = would_have_been(planned, end - timedelta(days=14 if rule != "FREQ=MONTHLY" else 30), end)
        assert len(found) == count, rule
        if "WEEKLY" in rule:
            assert {one.starts_at.weekday() for one in found} == {1}
    assert would_have_been(terms("2026-07-07T03:00", 1), end - timedelta(days=30), end) == []


def test_a_time_zone_that_does_not_exist_is_named() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(Invalid, match="time zone"):
            zone_of(name)
