"""A past that is run through the hub: what its alerts would have become."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from aiops.cli import main
from aiops.intelligence.service.replays.gathering import Episode, PastGathering
from aiops.observability.ports import Severity
from aiops.observability.ports_past import PastAlert
from tests.lab.servers import Prometheus
from tests.lab.weeks import Week

CLUSTER = uuid4()
T0 = datetime(2026, 11, 1, 8, tzinfo=UTC)


def _alert(name: str, minute: float, lasts: float | None, pod: str = "a", cluster: UUID = CLUSTER) -> PastAlert:
    begins = T0 + timedelta(minutes=minute)
    return PastAlert(
        cluster_id=cluster,
        fingerprint=f"{name}-{pod}",
        name=name,
        severity=Severity.HIGH,
        labels={"alertname": name, "namespace": name, "pod": pod},
        starts_at=begins,
        ends_at=None if lasts is None else begins + timedelta(minutes=lasts),
        waited_since=None,
    )


def _gather(*alerts: PastAlert) -> list[Episode]:
    return PastGathering().gather(alerts, [])


def test_an_alert_that_flaps_is_one_incident() -> None:
    (episode,) = _gather(*(_alert("Hot", minute, 1) for minute in range(0, 120, 7)))
    assert len(episode.members) == 18
    assert episode.ended_at == T0 + timedelta(minutes=119 + 1 + 1)


def test_what_comes_back_long_after_its_end_is_another_incident() -> None:
    first, second = _gather(_alert("Hot", 0, 5), _alert("Hot", 90, 5))
    assert (first.ended_at, second.opened_at) == (T0 + timedelta(minutes=6), T0 + timedelta(minutes=90))


def test_what_still_burns_at_the_end_is_open() -> None:
    (episode,) = _gather(_alert("Hot", 0, 5), _alert("Full", 1, None))
    assert episode.ended_at is None
    assert [one.arrival.name for one in episode.members] == ["Hot", "Full"]
    assert all(one.reason for one in episode.members)


# What a Prometheus keeps counts from its newest block: an old past stays.
_END = datetime(2026, 11, 1, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def week() -> Week:
    end = _END.timestamp()
    return Week(clusters=2, start=end - 43_200, end=end, warm_s=43_200, faults_each=1, seed=5)


@pytest.fixture(scope="module")
def prometheus(week: Week) -> Iterator[Prometheus]:
    with week.prometheus() as server:
        yield server


def _replay(prometheus: Prometheus, *more: str) -> int:
    asked = ["replay", "--prometheus", prometheus.url, "--last", "12h", "--until", _END.isoformat()]
    return main([*asked, *more])


def test_a_bare_prometheus_tells_what_its_alerts_would_have_become(
    prometheus: Prometheus, week: Week, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "replay.json"
    assert _replay(prometheus, "--out", str(out)) == 0

    result = json.loads(out.read_text())
    assert result["alerts"] == week.alerts
    assert [one["name"] for one in result["clusters"]] == week.names
    assert week.missed(result) == []
    assert len(result["incidents"]) <= len(week.faults) + 4
    told = capsys.readouterr().out
    assert f"{week.alerts} alerts → {len(result['incidents'])} incidents" in told
    assert re.search(r"first: .*\(\d+%\)", told)


def test_its_report_is_a_page_that_runs_and_fetches_nothing(prometheus: Prometheus, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert _replay(prometheus, "--cluster", "c01", "--out", str(out)) == 0
    page = out.read_text()
    assert "incident" in page
    assert "NodeMemoryHigh" in page or "NodeCPUHigh" in page or "ErrorRateHigh" in page or "NodeDiskFull" in page
    assert not re.search(r"<script|<img|<link|https?://", page)


def test_what_cannot_be_asked_is_one_line(
    prometheus: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _replay(prometheus, "--cluster", "nowhere") == 2
    assert "by the label cluster there are: c01, c02" in capsys.readouterr().err
    assert _replay(prometheus, "--out", str(tmp_path / "report.pdf")) == 2
    assert "--out ends in .html, .md or .json." in capsys.readouterr().err
    assert main(["replay", "--prometheus", "http://127.0.0.1:9", "--last", "1d"]) == 2
