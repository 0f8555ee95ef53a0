"""`aiops forecast`: formats in and out, the threshold, and refusals in one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from aiops.cli import main

COLUMNS = ["timestamp", "point", "lower", "upper"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _disk(path: str, rows: int, stamp: str = "2026-01-01 {:02d}:{:02d}:00") -> None:
    lines = [f"{stamp.format(place // 60, place % 60)},{30 + 0.5 * place}" for place in range(rows)]
    Path(path).write_text("timestamp,value\n" + "\n".join(lines) + "\n")


def test_a_line_a_step_in_the_time_format_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    _disk("disk.csv", 60)
    assert main(["forecast", "disk.csv", "--horizon", "3", "--threshold", "100"]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(out.splitlines()))
    assert list(rows[0]) == COLUMNS
    assert [row["timestamp"] for row in rows] == [f"2026-01-01 01:0{minute}:00" for minute in range(3)]
    assert [float(row["point"]) for row in rows] == pytest.approx([60.0, 60.5, 61.0], abs=0.1)
    assert all(float(row["lower"]) <= float(row["point"]) <= float(row["upper"]) for row in rows)
    assert "threshold 100: in 4860 s (2026-01-01 02:20:00); 90 % interval:" in err


def test_milliseconds_stay_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    rows = "\n".join(f"{1_700_000_000_000 + 60_000 * place},{place}" for place in range(60))
    Path("counter.csv").write_text(f"timestamp,value\n{rows}\n")
    assert main(["forecast", "counter.csv", "--horizon", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("1700003600000,60")


@pytest.mark.parametrize(
    ("stamp", "next_one"),
    [("2026-01-01T{:02d}:{:02d}:00Z", "2026-01-01T01:00:00Z"), ("2026-01-01T{:02d}:{:02d}:00+02:00", None)],
)
def test_a_zone_is_kept(stamp: str, next_one: str | None) -> None:
    _disk("disk.csv", 60, stamp)
    assert main(["forecast", "disk.csv", "--horizon", "1", "--out", "out.csv"]) == 0
    (row,) = csv.DictReader(Path("out.csv").read_text().splitlines())
    assert row["timestamp"] == (next_one or "2026-01-01T01:00:00+02:00")


def test_json_holds_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    rows = "\n".join(f"{1_700_000_000 + 60 * place},{place}" for place in range(60))
    Path("counter.csv").write_text(f"timestamp,value\n{rows}\n")
    assert main(["forecast", "counter.csv", "--horizon", "2", "--threshold", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [step["timestamp"] for step in found["steps"]] == ["1700003600", "1700003660"]
    assert found["threshold"]["seconds"]["point"] is None
    assert "does not move that way" in found["threshold"]["reason"]
    assert found["back_test"]["mean_absolute_error"] < found["back_test"]["naive"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read"),
        ("time,value\n1,2\n", "has no column timestamp"),
        ("timestamp,value\nyesterday,2\n", "line 2: 'yesterday' is no timestamp"),
        ("timestamp,value\n1,2\n2,much\n", "line 3: 'much' is no number"),
        ("timestamp,value\n", "no rows"),
        ("timestamp,value\n" + "".join(f"{place},{place % 40}\n" for place in range(100)), "was reset"),
    ],
)
def test_what_cant_be_forecast_ends_with_one_line_and_2(
    content: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("series.csv").write_text(content)
    assert main(["forecast", "series.csv", "--horizon", "12"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
