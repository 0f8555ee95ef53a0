"""`aiops backtest` on a file: what would have been found, without a hub."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from aiops.cli import main


@pytest.fixture
def series(tmp_path: Path) -> str:
    """Three ordinary days of minutes; half an hour of a fault in the second, three silent hours in the third."""
    rng = np.random.default_rng(2)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    values = rng.normal(50, 2, 3 * 1440)
    values[2000:2030] = 95
    rows = [
        f"{(start + timedelta(minutes=minute)).isoformat()},{value:.3f}"
        for minute, value in enumerate(values)
        if not 3600 <= minute < 3780
    ]
    path = tmp_path / "month.csv"
    path.write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    return str(path)


def test_a_file_tells_what_would_have_been_found_and_how_often(series: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", series, "--silence", "1800"]) == 0
    spike, silence, rate = capsys.readouterr().out.splitlines()
    assert spike.startswith("2026-01-02 09:20:00  SPIKE")
    assert silence.startswith("2026-01-03 11:59:00  SILENCE")
    assert rate.startswith("2 findings from 2026-01-01 00:00:00 to 2026-01-03 23:59:00 in 1 series, a value every 60 s")


def test_a_fixed_limit_alone_learns_nothing_and_the_json_holds_all(
    series: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", series, "--above", "90", "--for", "600", "--fixed", "--json"]) == 0
    told = msgspec.json.decode(capsys.readouterr().out)
    (breach,) = told["findings"]
    assert (breach["kind"], breach["started_at"]) == ("THRESHOLD_BREACH", "2026-01-02T09:20:00Z")
    assert breach["detected_at"] == "2026-01-02T09:30:00Z"
    assert told["per_week"] == pytest.approx(7 / 3, rel=0.01)


@pytest.mark.parametrize("wrong", [[], ["--fixed", "no.csv"], ["--cluster", "x"]])
def test_what_can_not_be_tried_is_said_in_one_line(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
