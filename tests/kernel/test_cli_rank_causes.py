"""`aiops rank-causes`: the table, one file cut at a time, and failures in one line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from aiops.cli import main

HEADER = ["time", "shop_cpu", "shop_latency_p90", "shop_load", "stock_cpu", "stock_latency_p90", "web_cpu", "web_load"]
ROWS = 60
START = 1_700_000_000


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _table(*, faulty: bool, start: int = START) -> list[list[str]]:
    """A fault eats the CPU of `stock`; it and `shop`, which calls it, get slow."""
    noise = np.random.default_rng(faulty).normal(1, 0.05, (ROWS, len(HEADER) - 1))
    levels = np.array([0.4, 0.2, 50, 0.3, 0.1, 0.5, 80])
    factors = np.array([1, 3, 0.9, 5, 5, 1, 0.9]) if faulty else np.ones(7)
    rows = (levels * factors * noise).tolist()
    return [[str(start + place), *map(str, row)] for place, row in enumerate(rows)]


def _write(path: str, rows: list[list[str]], header: list[str] | None = None) -> None:
    with Path(path).open("w", newline="") as file:
        csv.writer(file).writerows([header or HEADER, *rows])


def _both() -> None:
    _write("a.csv", _table(faulty=False))
    _write("b.csv", _table(faulty=True))


def _ranked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[dict[str, str]], str]:
    assert main(["rank-causes", *arguments]) == 0
    out, err = capsys.readouterr()
    return list(csv.DictReader(out.splitlines())), err


def test_the_culprit_is_first_and_confidence_falls(capsys: pytest.CaptureFixture[str]) -> None:
    _both()
    rows, err = _ranked(capsys, "--normal", "a.csv", "--anomalous", "b.csv")
    assert list(rows[0]) == ["rank", "metric", "service", "confidence"]
    assert (rows[0]["metric"], rows[0]["service"]) == ("stock_cpu", "stock")
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, len(rows) + 1)]
    confidences = [float(row["confidence"]) for row in rows]
    assert confidences == sorted(confidences, reverse=True)
    assert 0 < confidences[0] < 1
    assert err == ""


@pytest.mark.parametrize("at", [str(START + ROWS), "2023-11-14T22:14:20Z", "2023-11-14 22:14:20"])
def test_one_table_is_cut_where_the_fault_began(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    _both()
    _write("all.csv", _table(faulty=False) + _table(faulty=True, start=START + ROWS))
    two, _ = _ranked(capsys, "--normal", "a.csv", "--anomalous", "b.csv")
    one, _ = _ranked(capsys, "--normal", "all.csv", "--anomalous", "all.csv", "--at", at)
    assert one == two


def test_what_does_not_move_is_inconclusive(capsys: pytest.CaptureFixture[str]) -> None:
    _write("a.csv", _table(faulty=False))
    rows, err = _ranked(capsys, "--normal", "a.csv", "--anomalous", "./a.csv", "--at", str(START + ROWS // 2))
    assert rows == []
    assert err.startswith("inconclusive: none of 7 metrics left its own past")


def test_a_callee_that_moved_explains_its_caller(capsys: pytest.CaptureFixture[str]) -> None:
    header = ["shop_latency", "stock_latency", "web_latency"]
    rows = [[str(1 + place % 5 / 100) for _ in header] for place in range(ROWS)]
    _write("a.csv", rows, header)
    _write("b.csv", [["9", "8", row[2]] for row in rows], header)
    Path("edges.csv").write_text("caller,callee\nweb,shop\nshop,stock\n")
    alone, _ = _ranked(capsys, "--normal", "a.csv", "--anomalous", "b.csv")
    drawn, _ = _ranked(capsys, "--normal", "a.csv", "--anomalous", "b.csv", "--graph", "edges.csv")
    assert (alone[0]["service"], drawn[0]["service"]) == ("shop", "stock")


def test_missing_values_and_columns_of_one_file_are_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    _both()
    rows = [[*row, "7"] for row in _table(faulty=True)]
    for row in rows[::3]:
        row[1:5] = ["", "NaN", "null", ""]
    _write("b.csv", rows, [*HEADER, "new_cpu"])
    ranked, err = _ranked(capsys, "--normal", "a.csv", "--anomalous", "b.csv")
    assert ranked[0]["metric"] == "stock_cpu"
    assert err == "note: in one of the files only, left out of 8: new_cpu\n"


def test_what_cannot_be_ranked_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    _both()
    _write("few.csv", _table(faulty=True)[:3])
    _write("text.csv", [*_table(faulty=True), [str(START), "busy", *["1"] * 6]])
    _write("other.csv", [["1"]] * ROWS, ["elsewhere_cpu"])
    _write("untimed.csv", [row[1:] for row in _table(faulty=True)], HEADER[1:])
    _write("short.csv", [["1", "2"]])
    Path("empty.csv").write_text("")
    Path("edges.csv").write_text("shop\n")
    wrong = {
        ("none.csv",): "none.csv can't be read: No such file",
        ("few.csv",): "few.csv has 3 rows: at least 8",
        ("text.csv",): "text.csv, line 62, column shop_cpu: 'busy' is no number",
        ("other.csv",): "no column in common",
        ("short.csv",): "short.csv, line 2: 2 fields, where the header has 8",
        ("empty.csv",): "empty.csv is empty",
        ("a.csv",): "--at TIME says where to cut it",
        ("untimed.csv", "--at", str(START)): "untimed.csv has no column time or timestamp",
        ("b.csv", "--at", "yesterday"): "--at: 'yesterday' is no time",
        ("b.csv", "--at", str(START - 5)): "there are 0 rows before",
        ("b.csv", "--graph", "edges.csv"): "edges.csv, line 1: an edge is caller,callee",
    }
    for arguments, said in wrong.items():
        assert main(["rank-causes", "--normal", "a.csv", "--anomalous", *arguments]) == 2
        out, error = capsys.readouterr()
        assert said in error
        assert (out, len(error.splitlines())) == ("", 1)
