"""`aiops replay`: what the hub would have made of a Prometheus' past, with no hub and no database."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import msgspec

from aiops.cli.output import say
from aiops.kernel.errors import Invalid
from aiops.settings import Settings

if TYPE_CHECKING:
    from aiops.intelligence.domain.replays import Progress, ReplayResult
    from aiops.kernel.tls import Tls

Add = Callable[..., argparse.ArgumentParser]
_Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_SHOWN = 10
_WORDS = {
    "ALERTS": "Alerts",
    "METRICS": "Metrics",
    "DETECTION": "Anomalies",
    "CORRELATION": "Incidents",
    "DONE": "Done",
}


def add_commands(commands: _Group, add: Add) -> None:
    text = "Run the past of a Prometheus through the hub: its alerts as incidents, each with what moved first."
    one = add(commands, "replay", f"{text} Needs no hub, and tells nobody.", _replay)
    one.add_argument("--prometheus", required=True, metavar="URL", help="a Prometheus, Thanos or Mimir")
    one.add_argument("--last", default="7d", metavar="SPAN", help="how far back: 12h, 7d, 2w; default: 7d")
    one.add_argument("--until", metavar="TIME", help="an RFC 3339 time in place of now")
    one.add_argument("--step", type=float, default=60.0, metavar="S", help="seconds between values; default: 60")
    one.add_argument(
        "--cluster-label", default="cluster", metavar="NAME", help="tells clusters apart; default: cluster"
    )
    one.add_argument("--cluster", action="append", metavar="NAME", help="only this one; may be given several times")
    one.add_argument("--token-file", type=Path, metavar="FILE", help="a bearer token; - reads standard input")
    one.add_argument(
        "--header", action="append", default=[], metavar="NAME: VALUE", help="such as X-Scope-OrgID: tenant"
    )
    one.add_argument("--ca-file", type=Path, metavar="FILE", help="what its certificate is signed by")
    one.add_argument("--insecure", action="store_true", help="take any certificate")
    one.add_argument("--out", type=Path, metavar="FILE", help="the whole report: .html, .md or .json")
    one.epilog = (
        "It asks two questions at a time, for ALERTS, ALERTS_FOR_STATE and the shipped watches' queries. Exit code 1: "
        "a part of the past could not be read. docs/replay.md says more."
    )


def _replay(settings: Settings, parsed: argparse.Namespace) -> int:
    write = _writer(parsed.out)
    began = time.monotonic()
    result = asyncio.run(_run(settings, parsed))
    source = urlsplit(parsed.prometheus).netloc.rpartition("@")[2]
    for line in _lines(result):
        say(line)
    if write is not None:
        write(result, source)
        say(f"The report: {parsed.out}")
    sys.stderr.write(f"{time.monotonic() - began:.1f} s.\n")
    return 1 if any(one.problems for one in result.clusters) else 0


async def _run(settings: Settings, parsed: argparse.Namespace) -> ReplayResult:
    from aiops.cli.one_prometheus import OnePrometheus
    from aiops.intelligence.detectors import installed
    from aiops.intelligence.service.replays.collecting import Named
    from aiops.intelligence.service.replays.knowing import known_then
    from aiops.intelligence.service.replays.replaying import replay_past
    from aiops.intelligence.topology_sources import SHIPPED
    from aiops.kernel.clock import SystemClock
    from aiops.kernel.outbound import Outbound
    from aiops.kernel.principal import Principal
    from aiops.observability.service.past import PastService

    end = _moment(parsed.until)
    start = end - _span(parsed.last)
    clock, me = SystemClock(), Principal.system("replay")
    # Whoever types the address may reach it: no hub lends its place in the network to anyone.
    outbound = Outbound(allow_loopback=True, timeout_s=None)
    try:
        prometheus = OnePrometheus(parsed.prometheus, outbound, clock, _headers(parsed), _tls(parsed))
        clusters = await prometheus.find_clusters(parsed.cluster_label, start, end)
        wanted = [one for one in clusters if not parsed.cluster or one.name in parsed.cluster]
        if not wanted:
            known = ", ".join(one.name for one in clusters[:20])
            raise Invalid(f"There is no such cluster; by the label {parsed.cluster_label} there are: {known}.")
        past = PastService(queries=prometheus.numbers(), clusters=prometheus, clock=clock)
        detector = installed().usable[settings.detector].build()
        named = [Named(one.id, one.name) for one in wanted]
        bar = _Bar(len(named))
        then = await known_then(past, me, named, end, SHIPPED)
        return await replay_past(
            past, detector, me, named, start=start, end=end, step_s=parsed.step, known=then, tell=bar
        )
    finally:
        await outbound.close()


class _Bar:
    """A line that is written over where a terminal shows it; else one at the beginning of each stage."""

    def __init__(self, clusters: int) -> None:
        self._live = sys.stderr.isatty()
        self._stage = ""
        sys.stderr.write(f"{clusters} cluster{'s' if clusters != 1 else ''}.\n")

    def __call__(self, progress: Progress) -> None:
        word = _WORDS.get(progress.stage.value, progress.stage.value)
        if self._live:
            filled = 24 * progress.done // max(progress.total, 1)
            end = "\n" if progress.stage.value == "DONE" else ""
            bar = "█" * filled + "·" * (24 - filled)
            sys.stderr.write(f"\r\x1b[K{word:<9} {bar} {progress.done}/{progress.total} {progress.what[:50]}{end}")
        elif word != self._stage:
            sys.stderr.write(f"{word} …\n")
        self._stage = word
        sys.stderr.flush()


def _lines(result: ReplayResult) -> list[str]:
    from aiops.intelligence.service.replays import report

    lines = [report.headline(result), report.span_of(result)]
    for one in result.incidents[:_SHOWN]:
        at = f"{one.opened_at.astimezone(UTC):%a %d %b %H:%M}"
        where = report.names_of(one.clusters, result)
        what = f"{report.len_of(one.alerts, 'alert')}, {one.anomalies} anomalies"
        lines += ["", f"#{one.number}  {one.severity.value}  {at} UTC  {one.title}", f"    {where}: {what}"]
        lines.append(f"    first: {report.first_moved(one)}")
    left = len(result.incidents) - _SHOWN
    if left > 0:
        lines += ["", f"… and {left} more, less severe: --out report.html has them."]
    if not result.alerts:
        lines += ["", "No alert fired in this time: does this Prometheus evaluate the alerting rules?"]
    problems = report.problems_of(result)
    return lines + (["", "Could not be read:", *(f"  {one}" for one in problems[:20])] if problems else [])


def _writer(path: Path | None) -> Callable[[ReplayResult, str], None] | None:
    """Known before a long run begins, so that a wrong name costs nothing."""
    if path is None:
        return None
    if path.suffix not in (".html", ".md", ".json"):
        raise Invalid("--out ends in .html, .md or .json.")
    if not path.resolve().parent.is_dir():
        raise Invalid(f"{path.parent} is no folder.")

    def write(result: ReplayResult, source: str) -> None:
        from aiops.intelligence.service.replays import report

        if path.suffix == ".json":
            text = msgspec.json.format(msgspec.json.encode(result)).decode() + "\n"
        else:
            text = (report.page if path.suffix == ".html" else report.markdown)(result, source)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Invalid(f"{path} can't be written: {error.strerror}.") from error

    return write


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Invalid("--last is a number of hours, days or weeks: 12h, 7d, 2w.")
    return timedelta(hours=float(found[1]) * _HOURS[found[2]])


def _moment(text: str | None) -> datetime:
    """On a whole minute, so that the same question meets the same values."""
    if text is None:
        return datetime.now(UTC).replace(second=0, microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("--until is a time such as 2026-11-20T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _headers(parsed: argparse.Namespace) -> dict[str, str]:
    headers = {}
    for one in parsed.header:
        name, colon, value = one.partition(":")
        if not colon or not name.strip():
            raise Invalid("--header is 'NAME: VALUE'.")
        headers[name.strip()] = value.strip()
    if parsed.token_file is not None:
        headers["Authorization"] = f"Bearer {_read(parsed.token_file).strip()}"
    return headers


def _tls(parsed: argparse.Namespace) -> Tls:
    from aiops.kernel.tls import Tls

    return Tls(ca_bundle=_read(parsed.ca_file) if parsed.ca_file else None, skip_verify=parsed.insecure)


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}.") from error
