"""`aiops backtest`: what a watch or a rule would have found, in a hub's past or in a file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from aiops.kernel.errors import Invalid
from aiops.settings import Settings

if TYPE_CHECKING:
    from aiops.intelligence.service.replay import Replayed

Add = Callable[..., argparse.ArgumentParser]
_Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_LEVELS = ("LOW", "MEDIUM", "HIGH", "EXTREME")
_WEEK_S = 7 * 86_400.0
_NARROWEST_S = 1.0


def add_commands(commands: _Group, add: Add) -> None:
    text = "What a watch or an alert rule would have found in the past: of a hub's cluster, or in a CSV file."
    one = add(commands, "backtest", text, _backtest)
    one.add_argument("file", nargs="?", metavar="FILE.csv", help="columns timestamp,value; then no hub is asked")
    one.add_argument("--url", default="http://127.0.0.1:8080", help="the hub; default: http://127.0.0.1:8080")
    one.add_argument("--cluster", metavar="NAME", help="whose past")
    one.add_argument("--watch", metavar="NAME", help="a watch of the hub")
    one.add_argument("--query", metavar="PROMQL", help="a query, as a watch would have it")
    one.add_argument("--rule", metavar="PROMQL", help="an alert's expression")
    one.add_argument("--days", type=float, default=7.0, metavar="N", help="how far back; default: 7")
    one.add_argument("--above", type=float, metavar="X", help="a fixed limit")
    one.add_argument("--below", type=float, metavar="X", help="a fixed limit")
    one.add_argument("--for", type=float, default=0.0, dest="for_s", metavar="S", help="seconds past the limit")
    one.add_argument("--silence", type=float, metavar="S", help="seconds without a value that are a finding")
    one.add_argument("--sensitivity", choices=_LEVELS, type=str.upper, help="how readily a band tells")
    one.add_argument("--fixed", action="store_true", help="learn no band: the limit or the silence alone")
    one.add_argument("--json", action="store_true", help="one JSON document in place of the table")
    one.epilog = (
        "A hub is asked with the token in AIOPS_TOKEN. Exit code 1: incidents that were would have been missed. "
        "docs/watches.md has the JSON."
    )


def _backtest(settings: Settings, parsed: argparse.Namespace) -> int:
    told = _of_file(settings, parsed) if parsed.file else asyncio.run(_of_hub(parsed))
    if parsed.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
        sys.stdout.buffer.flush()
    else:
        for line in _lines(told):
            sys.stdout.write(line + "\n")
    return 1 if told.get("missed") else 0


async def _of_hub(parsed: argparse.Namespace) -> dict[str, Any]:
    from aiops.cli.hub_client import HubClient

    if parsed.cluster is None or sum(1 for one in (parsed.watch, parsed.query, parsed.rule) if one) != 1:
        raise Invalid("Name a FILE.csv; or a --cluster and one of --watch, --query, --rule.")
    token = os.environ.get("AIOPS_TOKEN")
    if not token:
        raise Invalid("Set AIOPS_TOKEN: `aiops user add NAME --service` gives one.")
    start = datetime.now(UTC) - timedelta(days=parsed.days)
    async with HubClient(parsed.url, token) as hub:
        cluster = await hub.by_name(parsed.cluster)
        wish = {
            "cluster_id": cluster["id"],
            "start": start.isoformat(),
            **{name: value for name in ("watch", "query", "rule") if (value := getattr(parsed, name))},
            **({"for_s": parsed.for_s} if parsed.rule else {}),
            **_terms(parsed),
        }
        found: dict[str, Any] = await hub.ask("POST", "backtests", wish)
    return found


def _terms(parsed: argparse.Namespace) -> dict[str, Any]:
    """Only what was typed: all else is as the watch has it."""
    terms: dict[str, Any] = {}
    if parsed.above is not None or parsed.below is not None:
        terms["threshold"] = {"above": parsed.above, "below": parsed.below, "for_s": parsed.for_s}
    if parsed.silence is not None:
        terms["silence_s"] = parsed.silence
    if parsed.sensitivity is not None:
        terms["sensitivity"] = parsed.sensitivity
    if parsed.fixed:
        terms["learned"] = False
    return terms


def _of_file(settings: Settings, parsed: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from aiops.cli.series_file import read_series
    from aiops.intelligence.detectors import installed
    from aiops.intelligence.service.replay import replay
    from aiops.observability.ports import Watch, WatchHistory

    series = read_series(parsed.file)
    watch = msgspec.convert(
        {"name": "file", "title": "Value", "query": "", "unit": "", "worse": "both", "minimum": 0.0}
        | {"subject_labels": [], **_terms(parsed)},
        Watch,
    )
    if not watch.learned and watch.threshold is None and watch.silence_s is None:
        raise Invalid("--fixed needs --above, --below or --silence.")
    gaps = np.diff(series.times)
    step_s = max(float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 60.0, _NARROWEST_S)
    # On an even grid, as a query over a stretch of time gives it: a gap in the file is a gap there.
    places = np.rint((series.times - series.times[0]) / step_s).astype(np.int64)
    if places[-1] > 5_000_000:
        raise Invalid(f"{parsed.file} spans too long for its step of {step_s:g} s: cut it.")
    values = np.full((1, int(places[-1]) + 1), np.nan)
    values[0, places] = series.values
    times = series.times[0] + step_s * np.arange(values.shape[1], dtype=np.float64)
    detector = installed().usable[settings.detector].build()
    past = WatchHistory(times, [{"file": Path(parsed.file).name}], values)
    return _document(replay(detector, watch, past, step_s), times, step_s, detector.name)


def _document(found: Replayed, times: Any, step_s: float, detector: str) -> dict[str, Any]:
    start, end = float(times[0]), float(times[-1])
    weeks = max((end - start) / _WEEK_S, 1e-9)
    names = ("kind", "severity", "score", "value", "expected", "lower", "upper", "explanation", "subject")
    dated = ("started_at", "detected_at", "ended_at", "end_reason")
    return {
        "detector": detector,
        "start": datetime.fromtimestamp(start, UTC),
        "end": datetime.fromtimestamp(end, UTC),
        "step_s": step_s,
        "series": 1,
        "findings": [{name: getattr(one, name) for name in (*names, *dated)} for one in found.findings],
        "findings_total": len(found.findings),
        "per_week": len(found.findings) / weeks,
        "never_learned": sum(1 for at in found.learned_from if at is None),
    }


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [
        f"{_stamp(one['started_at'])}  {one['kind']:<16} {one['severity']:<8} {one['subject']}: {one['explanation']}"
        for one in told["findings"]
    ]
    stated = told.get("stated_per_series_week")
    rate = "" if stated is None else f" (at most {stated} a series and week where nothing is wrong)"
    series, total = told["series"], told["findings_total"]
    count = f"{total} finding{'' if total == 1 else 's'}"
    lines.append(
        f"{count} from {_stamp(told['start'])} to {_stamp(told['end'])} in {series} series, "
        f"a value every {told['step_s']:g} s: {told['per_week']:.2f} a week{rate}."
    )
    if told.get("never_learned"):
        lines.append(f"{told['never_learned']} of {series} series had too short a past for a band.")
    for one in told.get("incidents", []):
        lead = one["lead_s"]
        how = "MISSED" if lead is None else f"told {abs(lead):.0f} s {'before' if lead >= 0 else 'after'}"
        lines.append(f"incident {one['key']} of {_stamp(one['detected_at'])}, {one['title']}: {how}")
    return lines


def _stamp(at: datetime | str) -> str:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
