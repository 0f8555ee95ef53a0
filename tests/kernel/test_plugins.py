"""Plugins are found by their place or by an entry point, and a broken one never stops the hub."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Protocol

import pytest

from aiops.kernel.errors import Invalid
from aiops.kernel.plugins import Plugins, load_plugins

GOOD = """
    import msgspec

    class Greeter:
        class Config(msgspec.Struct, forbid_unknown_fields=True):
            word: str = "hello"

        def __init__(self, config, name="world"):
            self._text = f"{config.word} {name}"

        def greet(self):
            return self._text
"""


class Greeting(Protocol):
    def greet(self) -> str: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "greeters_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [name for name in sys.modules if name.startswith(("greeters_of_a_test", "offered_by"))]:
        del sys.modules[name]


def put(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(dedent(text))
    importlib.invalidate_caches()


def offer(site: Path, distribution: str, entries: str) -> None:
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[aiops.greeters]\n{entries}\n")
    importlib.invalidate_caches()


def load(folder: Path) -> Plugins[Greeting]:
    return load_plugins("greeters", package=folder.name, contract=Greeting)


def test_a_file_in_the_folder_is_a_plugin_named_after_the_file(folder: Path) -> None:
    put(folder, "polite", GOOD)
    put(folder, "_helper", "raise RuntimeError('helpers are not loaded')")

    found = load(folder)

    assert list(found.usable) == ["polite"]
    assert found.broken == ()
    assert found["polite"].build().greet() == "hello world"
    assert found["polite"].build({"word": "hi"}, name="you").greet() == "hi you"


def test_its_config_is_its_form(folder: Path) -> None:
    put(folder, "polite", GOOD)

    schema = load(folder)["polite"].schema()

    assert schema["$defs"]["Config"]["properties"]["word"] == {"type": "string", "default": "hello"}


def test_wrong_settings_are_refused_with_the_reason(folder: Path) -> None:
    put(folder, "polite", GOOD)

    with pytest.raises(Invalid, match=r"polite.*str.*word"):
        load(folder)["polite"].build({"word": 7})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_library_here", "ModuleNotFoundError"),
        ("this is no python", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", "found: none"),
        (GOOD + "\n    class Second(Greeter):\n        class Config(Greeter.Config): ...\n", "found: Greeter, Second"),
        ("class Plain:\n    class Config: ...\n    def greet(self): ...", "no msgspec.Struct"),
        (GOOD.replace("def greet", "def shout"), "lacks greet"),
    ],
)
def test_a_broken_one_is_reported_by_name_and_the_others_work(folder: Path, text: str, reason: str) -> None:
    put(folder, "polite", GOOD)
    put(folder, "broken", text)

    found = load(folder)

    assert list(found.usable) == ["polite"]
    (report,) = found.broken
    assert (report.name, report.origin) == ("broken", "greeters_of_a_test.broken")
    assert reason in report.reason


def test_another_distribution_offers_plugins_by_an_entry_point(folder: Path) -> None:
    put(folder.parent, "offered_by_another", GOOD)
    offer(folder.parent, "another", "loud = offered_by_another:Greeter\nwhole_file = offered_by_another")

    found = load(folder)

    assert list(found.usable) == ["loud", "whole_file"]
    assert found["loud"].origin == "offered_by_another:Greeter of another"


def test_of_two_with_one_name_the_shipped_one_counts_and_the_other_is_reported(folder: Path) -> None:
    put(folder, "polite", GOOD)
    put(folder.parent, "offered_by_another", GOOD.replace("hello", "howdy"))
    offer(folder.parent, "another", "polite = offered_by_another:Greeter")

    found = load(folder)

    assert found["polite"].build().greet() == "hello world"
    (report,) = found.broken
    assert report.name == "polite"
    assert "taken by greeters_of_a_test.polite" in report.reason
