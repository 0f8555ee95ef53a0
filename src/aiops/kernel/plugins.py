"""Plugins: one new file with one class and its nested `Config`, found by its place or by an entry point.

A file of the kind's folder is a plugin, named after the file. Another distribution offers one by the entry-point group
`aiops.<kind>`, where it is named after the entry point. A plugin that is broken is reported by name and left out: it
never stops the hub.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from aiops.kernel.errors import Invalid

_log = structlog.get_logger(__name__)

P = TypeVar("P")


@dataclass(frozen=True)
class Plugin(Generic[P]):
    """One usable plugin. `config` is its nested struct; `origin` says where it was found, for people."""

    name: str
    implementation: type[P]
    config: type[msgspec.Struct]
    origin: str

    def schema(self) -> dict[str, Any]:
        """The JSON schema of its settings: the form of the console and the page of the documentation."""
        return msgspec.json.schema(self.config)

    def build(self, settings: dict[str, Any] | None = None, **needs: Any) -> P:
        """An instance with `settings`; raises `Invalid` where they don't fit the schema."""
        try:
            config = msgspec.convert(settings or {}, self.config)
        except msgspec.ValidationError as error:
            raise Invalid(f"The settings of {self.name} are wrong: {error}") from error
        factory: Callable[..., P] = self.implementation
        return factory(config, **needs)


@dataclass(frozen=True)
class BrokenPlugin:
    """One that was found and can't be used; `reason` is one line."""

    name: str
    origin: str
    reason: str


@dataclass(frozen=True)
class Plugins(Generic[P]):
    """All plugins of a kind, by name, and those that are broken."""

    kind: str
    usable: dict[str, Plugin[P]]
    broken: tuple[BrokenPlugin, ...]

    def __getitem__(self, name: str) -> Plugin[P]:
        return self.usable[name]

    def __iter__(self) -> Iterator[Plugin[P]]:
        return iter(self.usable.values())


class _Unfit(Exception):
    """Why a class or file is no plugin."""


def load_plugins(kind: str, *, package: str, contract: type[Any]) -> Plugins[P]:
    """All plugins of `kind` in the folder of `package` and under the entry-point group `aiops.<kind>`.

    Each must have the methods of `contract`. Of two with one name the first found counts, those of the folder before
    the others; the second is reported. Files whose name begins with `_` are helpers, not plugins.
    """
    usable: dict[str, Plugin[P]] = {}
    broken: list[BrokenPlugin] = []
    for name, origin, load in _candidates(kind, package):
        try:
            if name in usable:
                raise _Unfit(f"the name is taken by {usable[name].origin}")
            implementation = load()
            usable[name] = Plugin(name, implementation, _config_of(implementation, contract), origin)
        except (Exception, SystemExit) as error:
            reason = str(error) if isinstance(error, _Unfit) else f"{type(error).__name__}: {error}"
            broken.append(BrokenPlugin(name, origin, reason))
            _log.error("plugin_broken", kind=kind, plugin=name, origin=origin, reason=reason)
    return Plugins(kind, usable, tuple(broken))


def _candidates(kind: str, package: str) -> Iterator[tuple[str, str, Callable[[], type[Any]]]]:
    folder = importlib.import_module(package)
    for found in sorted(pkgutil.iter_modules(folder.__path__), key=lambda module: module.name):
        if not found.name.startswith("_"):
            path = f"{package}.{found.name}"
            yield found.name, path, _from_module(path)
    for entry in sorted(entry_points(group=f"aiops.{kind}"), key=lambda entry: (entry.name, entry.value)):
        distribution = entry.dist.name if entry.dist else "unknown"
        yield entry.name, f"{entry.value} of {distribution}", _from_entry_point(entry)


def _from_module(path: str) -> Callable[[], type[Any]]:
    return lambda: _only_class(importlib.import_module(path))


def _from_entry_point(entry: EntryPoint) -> Callable[[], type[Any]]:
    def load() -> type[Any]:
        found = entry.load()
        if isinstance(found, ModuleType):
            return _only_class(found)
        if not isinstance(found, type):
            raise _Unfit(f"{entry.value} is no class")
        return found

    return load


def _only_class(module: ModuleType) -> type[Any]:
    here = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__ and "Config" in vars(member)
    ]
    if len(here) != 1:
        names = ", ".join(member.__name__ for member in here) or "none"
        raise _Unfit(f"a plugin file has one class with a nested Config; found: {names}")
    return here[0]


def _config_of(implementation: type[Any], contract: type[Any]) -> type[msgspec.Struct]:
    config = getattr(implementation, "Config", None)
    if not (isinstance(config, type) and issubclass(config, msgspec.Struct)):
        raise _Unfit("its Config is no msgspec.Struct")
    wanted = [name for name, member in vars(contract).items() if not name.startswith("_") and callable(member)]
    missing = [name for name in wanted if not callable(getattr(implementation, name, None))]
    if missing:
        raise _Unfit(f"it lacks {', '.join(missing)}")
    msgspec.json.schema(config)
    return config
