"""What a window may be, told in plain words."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.maintenance.matching import matching
from aiops.observability.maintenance.occurrences import over_at, zone_of
from aiops.observability.maintenance.recurrence import YEARS, parts_of
from aiops.observability.maintenance.windows import LONGEST, SHORTEST, Terms, duration_of

MOST_MATCHERS = 64
MOST_CLUSTERS = 1_000
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def checked(terms: Terms) -> Terms:
    """As it is kept. Raises `Invalid`."""
    title = terms.title.strip()
    if not 1 <= len(title) <= 200 or "\x00" in title or "\x00" in terms.comment or len(terms.comment) > 2_000:
        raise Invalid("A window needs a title of 1 to 200 characters; its comment has at most 2000.")
    if terms.starts_local.tzinfo is not None:
        raise Invalid(
            "Tell the start as the clock on the wall shows it, without an offset; the time zone says the rest."
        )
    if terms.starts_local.year not in YEARS:
        raise Invalid("The start must lie between the years 2000 and 2100.")
    if not SHORTEST <= duration_of(terms) <= LONGEST:
        raise Invalid(f"A window lasts between one minute and {LONGEST.days} days.")
    if terms.cluster_ids is not None and not 0 < len(terms.cluster_ids) <= MOST_CLUSTERS:
        raise Invalid(f"Name between 1 and {MOST_CLUSTERS} clusters, or leave them out for the whole fleet.")
    _check_matchers(terms)
    zone_of(terms.timezone)
    over_at(terms)
    clusters = None if terms.cluster_ids is None else tuple(sorted(set(terms.cluster_ids)))
    rule = ";".join(f"{name}={value}" for name, value in parts_of(terms.rrule).items())
    matchers = tuple(sorted(set(terms.matchers)))
    return msgspec.structs.replace(terms, title=title, cluster_ids=clusters, rrule=rule, matchers=matchers)


def check_future(terms: Terms, now: datetime) -> None:
    """Raises `Invalid` for what would never hide anything any more."""
    ends = over_at(terms)
    if ends is not None and ends <= now:
        raise Invalid("All of it lies in the past.")


def check_year(at: datetime) -> None:
    """Raises `Invalid` for what lies so far off that a rule would have to be followed for ages to get there."""
    if at.year not in YEARS:
        raise Invalid("A calendar goes from the year 2000 to 2100.")


def check_span(start: datetime, end: datetime) -> None:
    check_year(start)
    check_year(end)
    if not timedelta() < end - start <= timedelta(days=400):
        raise Invalid("The end must lie behind the start, by at most 400 days.")


def _check_matchers(terms: Terms) -> None:
    if len(terms.matchers) > MOST_MATCHERS:
        raise Invalid(f"A window has at most {MOST_MATCHERS} matchers.")
    for one in terms.matchers:
        if not _LABEL.fullmatch(one.name) or len(one.name) > 256:
            raise Invalid(f"{one.name[:64]!r} is no name of a label.")
        if "\x00" in one.value or len(one.value) > 2048:
            raise Invalid("A matcher's value has at most 2048 characters, none of them a zero byte.")
    matching(terms.matchers)
