"""What `make run` says on a machine that lacks what it needs; each in one line that says what to do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_MAKEFILE = Path(__file__).parents[2] / "Makefile"
_NAMES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")
_TOOLS = ("make", "bash", "find", "tr", "touch", "sed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a Makefile, and `bin` as the only folder of programs."""
    shutil.copy(_MAKEFILE, tmp_path)
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).touch()
    (tmp_path / "bin").mkdir()
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def python_that(checkout: Path, script: str) -> None:
    """Every name of Python runs this shell script."""
    for name in _NAMES:
        path = checkout / "bin" / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)


def make_run(checkout: Path, *words: str) -> list[str]:
    command = [str(checkout / "bin" / "make"), "run", f"SHELL={checkout}/bin/bash", *words]
    environment = {"PATH": str(checkout / "bin")}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    return done.stdout.splitlines()


def test_an_old_python_is_told_with_the_way_out(checkout: Path) -> None:
    python_that(checkout, "exit 1")
    assert make_run(checkout) == [
        "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/path/to/python3."
    ]


def test_a_python_that_was_named_in_vain_is_named_back(checkout: Path) -> None:
    python_that(checkout, "exit 0")
    said = make_run(checkout, "PYTHON=/nowhere/python3")
    assert len(said) == 1
    assert said[0].startswith("PYTHON=/nowhere/python3 is no Python 3.11 or newer")


def test_a_python_without_venv_is_told_by_the_name_of_the_package(checkout: Path) -> None:
    python_that(checkout, 'case "$2" in *ensurepip*) exit 1;; esac')
    assert make_run(checkout) == ["Python's venv is missing: apt install python3-venv"]
