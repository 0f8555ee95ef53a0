"""How rules shape an alert as it comes in: labels taken out of texts, looked up in tables, and which alerts are one.
No I/O; time is linear in the texts, whatever the expressions."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.domain import LABEL_NAME, LONGEST_NAME, LONGEST_VALUE, alert_fingerprint
from aiops.observability.expressions import expression, named_groups
from aiops.observability.needs_alerts import Extraction, IntakeRule, LabelMatcher, Mapping
from aiops.observability.ports import Labels

MOST_ROWS = 10_000
MOST_COLUMNS = 32
_KEPT = ("alertname", "severity")


class Step(msgspec.Struct, frozen=True):
    """What one rule did: the labels that it set; `merges`: it decided which alerts are one."""

    rule: str
    set: Labels
    merges: bool = False


class Shaped(msgspec.Struct, frozen=True):
    """`fingerprint` is set where alerts that differ are one; then `labels` are only those that decide it, and those
    that rules set."""

    labels: Labels
    fingerprint: str | None
    steps: list[Step]


_Fits = Callable[[Labels], bool]
_Sets = Callable[[Labels, Labels], Labels]


class _Compiled(msgspec.Struct, frozen=True):
    name: str
    clusters: frozenset[UUID] | None
    source: str | None
    fits: _Fits
    sets: _Sets | None
    identity: tuple[str, ...] | None

    def concerns(self, cluster_id: UUID, sources: tuple[str, ...]) -> bool:
        return (self.clusters is None or cluster_id in self.clusters) and (
            self.source is None or self.source in sources
        )


class Shaping:
    """Rules in their order, ready to be applied to any number of alerts."""

    def __init__(self, rules: Sequence[IntakeRule]) -> None:
        compiled = [compiled_rule(rule) for rule in rules if rule.enabled]
        self._setting = [rule for rule in compiled if rule.sets is not None]
        self._merging = [rule for rule in compiled if rule.identity is not None]

    def __bool__(self) -> bool:
        return bool(self._setting or self._merging)

    def apply(self, cluster_id: UUID, sources: tuple[str, ...], labels: Labels, annotations: Labels) -> Shaped:
        """`sources` are the words that a rule's `source` may be."""
        steps: list[Step] = []
        now = dict(labels)
        for rule in self._setting:
            if rule.sets is not None and rule.concerns(cluster_id, sources) and rule.fits(now):
                found = rule.sets(now, annotations)
                if found:
                    now |= found
                    steps.append(Step(rule.name, found))
        for rule in self._merging:
            if rule.identity is not None and rule.concerns(cluster_id, sources) and rule.fits(now):
                same = {name: now[name] for name in ("alertname", *rule.identity) if name in now}
                given = {name: value for step in steps for name, value in step.set.items()}
                shown = given | {name: now[name] for name in _KEPT if name in now} | same
                steps.append(Step(rule.name, {}, merges=True))
                return Shaped(shown, alert_fingerprint(same), steps)
        return Shaped(now, None, steps)


def compiled_rule(rule: IntakeRule) -> _Compiled:
    """Raises `Invalid` for a rule that can't be applied."""
    parts = [part for part in (rule.extraction, rule.mapping, rule.deduplication) if part is not None]
    if len(parts) != 1:
        raise Invalid("A rule is an extraction, a mapping or a deduplication: one of the three.")
    identity = None
    if rule.deduplication is not None:
        identity = tuple(rule.deduplication.labels)
        for name in identity:
            _check_name(name, "deduplication.labels")
    sets = None
    if rule.extraction is not None:
        sets = _extracts(rule.extraction)
    elif rule.mapping is not None:
        sets = _maps(rule.mapping)
    clusters = None if rule.cluster_ids is None else frozenset(rule.cluster_ids)
    return _Compiled(rule.name, clusters, rule.source, _all_fit(rule.matchers), sets, identity)


def _all_fit(matchers: Sequence[LabelMatcher]) -> _Fits:
    tests = [(one.name, _test(one), one.is_equal) for one in matchers]
    return lambda labels: all(test(labels.get(name, "")) is wanted for name, test, wanted in tests)


def _test(matcher: LabelMatcher) -> Callable[[str], bool]:
    return expression(matcher.value) if matcher.is_regex else matcher.value.__eq__


def _extracts(extraction: Extraction) -> _Sets:
    names, held = named_groups(extraction.pattern)
    if not names:
        raise Invalid(
            "The expression names no group: (?P<team>[a-z]+) sets the label team.", details={"field": "pattern"}
        )
    for name in names:
        _check_name(name, "extraction.pattern")

    def sets(labels: Labels, annotations: Labels) -> Labels:
        text = (labels if extraction.of == "LABEL" else annotations).get(extraction.name, "")
        return _kept(labels, held(text), overwrite=extraction.overwrite) if text else {}

    return sets


def _maps(mapping: Mapping) -> _Sets:
    head, rows = _table(mapping)
    keys = [head.index(name) for name in mapping.match]
    given = [place for place in range(len(head)) if place not in keys]
    # By which of the compared cells are filled: one look-up for each such form of row.
    forms: dict[tuple[int, ...], dict[tuple[str, ...], Labels]] = {}
    for row in rows:
        filled = tuple(place for place in keys if row[place])
        found = {head[place]: row[place] for place in given if row[place]}
        forms.setdefault(filled, {}).setdefault(tuple(row[place] for place in filled), found)
    ordered = sorted(forms.items(), key=lambda form: -len(form[0]))

    def sets(labels: Labels, _: Labels) -> Labels:
        for filled, table in ordered:
            found = table.get(tuple(labels.get(head[place], "") for place in filled))
            if found is not None:
                return _kept(labels, found, overwrite=mapping.overwrite)
        return {}

    return sets


def _table(mapping: Mapping) -> tuple[list[str], list[list[str]]]:
    try:
        read = [row for row in csv.reader(io.StringIO(mapping.csv), strict=True) if any(row)]
    except csv.Error as error:
        raise Invalid(f"The table is no CSV: {error}", details={"field": "csv"}) from None
    if len(read) < 2:
        raise Invalid("The table needs a line of names and at least one row.", details={"field": "csv"})
    head, rows = [cell.strip() for cell in read[0]], [[cell.strip() for cell in row] for row in read[1:]]
    if len(rows) > MOST_ROWS or len(head) > MOST_COLUMNS:
        raise Invalid(f"At most {MOST_ROWS} rows of {MOST_COLUMNS} columns.", details={"field": "csv"})
    for name in head:
        _check_name(name, "csv")
    if len(set(head)) < len(head):
        raise Invalid("Two columns have the same name.", details={"field": "csv"})
    if not mapping.match or not set(mapping.match) < set(head):
        raise Invalid("Name columns to compare, and leave some to set.", details={"field": "match"})
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            wrong = f"Line {number} has {len(row)} cells, the first line {len(head)}."
            raise Invalid(wrong, details={"field": "csv", "line": number})
        if any(len(cell) > LONGEST_VALUE or "\x00" in cell for cell in row):
            raise Invalid(f"Line {number} has a cell that is too long.", details={"field": "csv", "line": number})
    return head, rows


def _kept(labels: Labels, found: Labels, *, overwrite: bool) -> Labels:
    return {
        name: value[:LONGEST_VALUE]
        for name, value in found.items()
        if labels.get(name) != value and (overwrite or not labels.get(name))
    }


def _check_name(name: str, field: str) -> None:
    if len(name) > LONGEST_NAME or not LABEL_NAME.fullmatch(name):
        raise Invalid(f"{name[:40]!r} is no name of a label.", details={"field": field})
