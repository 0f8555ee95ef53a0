"""What CONTRIBUTING.md promises, done to the letter: its examples put into a copy of the tree, and offered by another
distribution; the contract suite tests them with no edit, and the hub runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.rig import items, wait_until
from tests.lab.hub import Hub

ROOT = Path(__file__).resolve().parents[2]
OFFERED = {
    "aiops.detectors": "offered_half_away = offered_half_away:HalfAway",
    "aiops.sources": "offered_files = offered_files",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout with the two files of CONTRIBUTING.md, and beside it a distribution that offers the same two."""
    folder = tmp_path_factory.mktemp("newcomer")
    folder.chmod(0o755)
    for part in ("src", "tests", "migrations"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    detector, source = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    (folder / "src/aiops/intelligence/detectors/half_away.py").write_text(detector)
    (folder / "src/aiops/observability/sources/temporary_files.py").write_text(source)
    site = folder / "site"
    info = site / "offered-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{entry}\n" for group, entry in OFFERED.items()))
    (site / "offered_half_away.py").write_text(detector)
    (site / "offered_files.py").write_text(source.replace('"temporary_files"', '"offered_files"'))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _path(tree: Path) -> str:
    return os.pathsep.join([str(tree / "src"), str(tree / "site")])


def test_the_contract_suite_tests_them_with_no_edit(tree: Path) -> None:
    suites = ["tests/contracts/test_detectors.py", "tests/contracts/test_polled_sources.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider", *suites],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": _path(tree)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.findall(r"::(\w+)\[(\w+)\] PASSED", done.stdout)
    for name in ("half_away", "offered_half_away", "temporary_files", "offered_files"):
        assert len([test for test, plugin in passed if plugin == name]) >= 3, (name, passed)


def test_the_hub_reads_the_sources_and_looks_with_the_detector(tree: Path) -> None:
    settings = {"PYTHONPATH": _path(tree), "AIOPS_WATCH_HOST": "true", "AIOPS_DETECTOR": "offered_half_away"}
    with Hub(settings) as hub, hub.client() as admin:
        for name in ("temporary_files", "offered_files", "node_load1"):
            wait_until(lambda name=name: _series(admin, name), f"a sample of {name}")  # type: ignore[misc]
        seen = wait_until(lambda: items(admin, "/api/v1/expectations"), "what the detector learns")
        # The shipped one needs 36 values at this distance: this tells who learns.
        assert {one["learning"]["needed"] for one in seen if one["learning"]} == {20}


def _series(admin: httpx.Client, name: str) -> list[object]:
    found: list[object] = admin.get("/api/v1/metrics/query", params={"query": name}).json()["series"]
    return found


def test_an_unknown_detector_stops_the_hub_with_the_names_that_there_are(tree: Path) -> None:
    hub = Hub({"PYTHONPATH": _path(tree), "AIOPS_DETECTOR": "nobody"})
    with pytest.raises(Exception, match=r"half_away, .*offered_half_away, rare_band, robust_band, seasonal_band"):
        hub.start()
    hub.kill()
    shutil.rmtree(hub.folder, ignore_errors=True)
