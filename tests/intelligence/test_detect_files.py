"""`aiops detect`: what it says of a file, and of files that are none."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from aiops.cli import main

_START = datetime(2026, 3, 1, tzinfo=UTC)


def daily(days: int = 6, seed: int = 3) -> list[float]:
    rng = np.random.default_rng(seed)
    rows = np.arange(days * 288)
    values = 50 + 20 * np.sin(rows / 288 * 2 * np.pi) + rng.normal(0, 1.5, len(rows))
    return [round(float(value), 4) for value in values]


def write(path: Path, values: Sequence[float | str], stamp: str = "iso") -> Path:
    times = [_START + timedelta(minutes=5 * row) for row in range(len(values))]
    shown = [time.isoformat() if stamp == "iso" else f"{time.timestamp() * float(stamp):.0f}" for time in times]
    path.write_text("timestamp,value\n" + "".join(f"{at},{value}\n" for at, value in zip(shown, values, strict=True)))
    return path


def detect(path: Path, *options: str) -> list[dict[str, str]]:
    out = path.with_suffix(".out")
    assert main(["detect", str(path), "--out", str(out), *options]) == 0
    with out.open(newline="") as lines:
        return list(csv.DictReader(lines))


def found(rows: list[dict[str, str]]) -> list[int]:
    return [row for row, one in enumerate(rows) if one["is_anomaly"] == "1"]


def test_a_spike_is_found_once_and_lies_outside_of_the_band(tmp_path: Path) -> None:
    values = daily()
    values[1500:1504] = [140.0] * 4
    rows = detect(write(tmp_path / "a.csv", values))
    assert list(rows[0]) == ["timestamp", "value", "anomaly_score", "expected", "lower", "upper", "is_anomaly"]
    assert found(rows) == [1500]
    spike, before = rows[1500], rows[1499]
    assert float(spike["value"]) > float(spike["upper"])
    assert float(before["lower"]) < float(before["value"]) < float(before["upper"])
    assert all(0 <= float(row["anomaly_score"]) <= 1 for row in rows)


def test_later_rows_change_nothing_before_them(tmp_path: Path) -> None:
    values = daily()
    whole = detect(write(tmp_path / "a.csv", values))
    for cut in (40, 700, 1301):
        assert detect(write(tmp_path / "b.csv", values[:cut])) == whole[:cut]
        changed = [*values[:cut], 1e9, 0.0, *([-5.0] * 200)]
        assert detect(write(tmp_path / "b.csv", changed))[:cut] == whole[:cut]


def test_a_row_changes_its_score_and_not_what_was_expected_of_it(tmp_path: Path) -> None:
    values = daily()
    whole = detect(write(tmp_path / "a.csv", values))
    for row in (640, 1300, 1500):
        changed = detect(write(tmp_path / "b.csv", [*values[:row], 500.0, *values[row + 1 :]]))
        assert changed[:row] == whole[:row]
        assert changed[row]["anomaly_score"] > whole[row]["anomaly_score"]
        assert all(changed[row][name] == whole[row][name] for name in ("expected", "lower", "upper"))


@pytest.mark.parametrize("factor", ["1", "1000", "1000000000"])
def test_unix_times_of_any_unit_are_the_same_as_iso_ones(tmp_path: Path, factor: str) -> None:
    values = daily(3)
    iso = detect(write(tmp_path / "a.csv", values))
    unix = detect(write(tmp_path / "b.csv", values, factor))
    assert [row["anomaly_score"] for row in iso] == [row["anomaly_score"] for row in unix]


@pytest.mark.parametrize("how", ["empty values", "no rows"])
def test_a_series_that_stops_is_an_anomaly(tmp_path: Path, how: str) -> None:
    path = write(tmp_path / "a.csv", [*daily()[:1200], *([""] * 48), *daily()[1248:]])
    if how == "no rows":
        path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.endswith(",\n")))
    rows = detect(path)
    first = found(rows)[0]
    assert 1200 <= first < 1215
    assert len(rows) == len(path.read_text().splitlines()) - 1


def test_more_sensitivity_finds_more(tmp_path: Path) -> None:
    values = (np.array(daily()) + np.where(np.arange(6 * 288) > 1400, 14, 0)).tolist()
    path = write(tmp_path / "a.csv", values)
    counts = [len(found(detect(path, "--sensitivity", one))) for one in ("LOW", "MEDIUM", "HIGH", "EXTREME")]
    assert counts == sorted(counts)
    assert counts[-1] > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("timestamp,value\n", "no rows"),
        ("time,value\n1,2\n", "no column timestamp"),
        ("timestamp,value\n2026-03-01T00:00:00Z,1\nyesterday,2\n", "line 3: 'yesterday' is no timestamp"),
        ("timestamp,value\n1,much\n", "line 2: 'much' is no number"),
        ("timestamp,value\n1\n", "line 2: 1 fields"),
        ("timestamp,value\n1,1e308\n", "line 2: '1e308' is too large"),
        ("timestamp,value\n" + "".join(f"{9 - row},1\n" for row in range(9)), "not sorted by time"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert main(["detect", str(path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_few_rows_duplicates_and_constants_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("timestamp,value\n1,5\n" + "".join(f"{row // 2},5\n" for row in range(4, 200)))
    assert found(detect(path)) == []
    assert len(detect(write(tmp_path / "b.csv", [1.0]))) == 1
