"""A replay as a page that can be sent to somebody: HTML without scripts or anything fetched, or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from uuid import UUID

from aiops.intelligence.domain.anomalies import duration
from aiops.intelligence.domain.replays import ReplayedIncident, ReplayResult

_MOST_SHOWN = 50
_MOST_MEMBERS = 30
_STYLE = """
:root{color-scheme:light dark;font:14px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1rem;opacity:.7}
h2{font-size:1.1rem;margin-top:2rem}
.head{font-size:1.6rem;font-weight:600;margin:0}
.dim{opacity:.7}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #8884;vertical-align:top}
details{border:1px solid #8886;border-radius:6px;padding:.5rem .8rem;margin:.5rem 0}
summary{cursor:pointer}
code{font-size:.85em;overflow-wrap:anywhere}
.sev{font-weight:600}
"""


def headline(result: ReplayResult) -> str:
    """`4,213 alerts → 31 incidents`, and what share of the alerts is no item of its own any more."""
    alerts, incidents = len_of(result.alerts, "alert"), len_of(len(result.incidents), "incident")
    less = result.noise_reduction
    before = "" if result.before is None else f"{result.before:,} before, now "
    return f"{alerts} → {before}{incidents}" + (f" ({less:.0%} fewer)" if less is not None and less > 0 else "")


def len_of(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def span_of(result: ReplayResult) -> str:
    days = (result.end - result.start).total_seconds() / 86_400
    length = f"{days:g} days" if days >= 2 else f"{days * 24:.3g} hours"
    return f"{length}, {_at(result.start)} to {_at(result.end)} UTC"


def first_moved(incident: ReplayedIncident) -> str:
    """What the ranking says of it, in a line."""
    if incident.note is not None or not incident.causes:
        return incident.note or "Inconclusive."
    first = incident.causes[0]
    why = f": {first.reasons[0]}" if first.reasons else ""
    return f"{first.title} ({first.confidence:.0%}){why}"


def names_of(clusters: Iterable[UUID], result: ReplayResult) -> str:
    known = {one.id: one.name for one in result.clusters}
    names = [known.get(one, str(one)) for one in clusters]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def markdown(result: ReplayResult, source: str) -> str:
    lines = [
        f"# {headline(result)}",
        "",
        f"{source}, {span_of(result)}; a value every {result.step_s:g} s, detector {result.detector}.",
        f"{len_of(result.anomalies, 'anomaly').replace('anomalys', 'anomalies')} in watched series; "
        f"{len_of(result.quiet, 'episode')} of a lone series without an alert would have told nobody.",
        "",
        "## Incidents, the worst first",
        "",
        "| # | severity | began (UTC) | lasted | what | clusters | alerts | anomalies | moved first |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in result.incidents[:_MOST_SHOWN]:
        cells = (
            str(one.number), one.severity.value, _at(one.opened_at), _lasted(one), one.title,
            names_of(one.clusters, result), str(one.alerts), str(one.anomalies), first_moved(one),
        )  # fmt: skip
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    lines += [_more(result), "", "## Alerts that fired most", "", "| alert | fired | in incidents | median |"]
    lines += ["|---|---|---|---|"]
    lines += [f"| {_cell(one.name)} | {one.episodes} | {one.incidents} | {duration(one.median_s)} |"
              for one in result.noisy]  # fmt: skip
    lines += ["", *(f"- {_cell(problem)}" for problem in problems_of(result))]
    return "\n".join(lines).rstrip() + "\n"


def page(result: ReplayResult, source: str) -> str:
    """One HTML document. All that came from outside is escaped."""
    body = [
        f"<p class=head>{escape(headline(result))}</p>",
        f"<p class=dim>{escape(source)}, {escape(span_of(result))}; a value every {result.step_s:g} s, "
        f"detector {escape(result.detector)}. {result.anomalies:,} anomalies in watched series; {result.quiet:,} "
        "episodes of a lone series without an alert would have told nobody.</p>",
        "<h2>Incidents, the worst first</h2>",
        *(_incident(one, result) for one in result.incidents[:_MOST_SHOWN]),
        f"<p class=dim>{escape(_more(result))}</p>",
        "<h2>Alerts that fired most</h2>",
        _table(
            ("Alert", "Fired", "In incidents", "Median"),
            [(one.name, f"{one.episodes:,}", str(one.incidents), duration(one.median_s)) for one in result.noisy],
        ),
        "<h2>What was looked at</h2>",
        _table(
            ("Cluster", "Alerts", "Watched series", "Anomalies", "Problems"),
            [(one.name, f"{one.alerts:,}", f"{one.series:,}", f"{one.anomalies:,}", "; ".join(one.problems))
             for one in result.clusters],
        ),
    ]  # fmt: skip
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(headline(result))}</title><style>{_STYLE}</style>"
        f"<h1>Replay of the past</h1>{''.join(body)}</html>\n"
    )


def problems_of(result: ReplayResult) -> list[str]:
    return [f"{one.name}: {problem}" for one in result.clusters for problem in one.problems]


def _incident(one: ReplayedIncident, result: ReplayResult) -> str:
    head = (
        f"<summary><span class=sev>{one.severity.value}</span> {escape(one.title)}<br><span class=dim>#{one.number}, "
        f"{_at(one.opened_at)} UTC, {_lasted(one)}, {escape(names_of(one.clusters, result))}: "
        f"{len_of(one.alerts, 'alert')}, {one.anomalies} anomalies</span></summary>"
    )
    causes = "".join(
        f"<li>{escape(cause.title)} <span class=dim>{cause.confidence:.0%}; {escape('; '.join(cause.reasons))}</span>"
        f"{''.join(f'<br><code>{escape(evidence.query)}</code>' for evidence in cause.evidence)}</li>"
        for cause in one.causes
    )
    doubt = f"<p>{escape(one.note or 'Inconclusive.')}</p>" if one.note is not None or not causes else ""
    ranked = doubt + (f"<ol>{causes}</ol>" if causes else "")
    rows = [(_at(m.at), m.severity.value, f"{m.name} {m.subject}", m.reason) for m in one.members[:_MOST_MEMBERS]]
    left = len(one.members) - _MOST_MEMBERS
    table = _table(("Began (UTC)", "Severity", "What", "Why here"), rows)
    return (
        f"<details>{head}<p>Ranked causes</p>{ranked}{table}{f'<p>and {left} more</p>' if left > 0 else ''}</details>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}" for cell in head)
    return f"<table><tr>{top}" + "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows
    ) + "</table>"  # fmt: skip


def _more(result: ReplayResult) -> str:
    left = len(result.incidents) - _MOST_SHOWN
    return f"… and {left} more, less severe." if left > 0 else ""


def _lasted(one: ReplayedIncident) -> str:
    if one.ended_at is None:
        return "still open at the end"
    return duration((one.ended_at - one.opened_at).total_seconds())


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _cell(text: str) -> str:
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ")
