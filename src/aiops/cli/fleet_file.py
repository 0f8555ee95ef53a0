"""A fleet as a file: which clusters there should be, with secrets by reference."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from aiops.kernel.errors import Invalid
from aiops.registry.discovery.documents import mapping_of

_FROM_ENV, _FROM_FILE = "fromEnv", "fromFile"
_SECRET_FIELDS = frozenset({"token", "password", "key", "client_secret", "kubeconfig", "bearer_token"})


class FleetFile(msgspec.Struct, frozen=True):
    """`clusters` are bodies for the hub by name, references resolved; `literals` name secrets in the file itself."""

    fleet: str
    clusters: dict[str, dict[str, Any]]
    literals: list[str]


def read_fleet(path: Path, environment: Mapping[str, str] = os.environ) -> FleetFile:
    """Raises `Invalid` for the first thing that can't be; nothing has been sent by then."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}.") from None
    try:
        document = mapping_of(text, "fleet file")
    except Invalid as error:
        raise Invalid(f"{path}: {error.message}") from None
    if not isinstance(document.get("clusters"), list):
        raise Invalid(f"{path}: a fleet file has a list `clusters`.")
    unknown = set(document) - {"fleet", "defaults", "clusters"}
    if unknown:
        raise Invalid(f"{path}: there is no {min(map(str, unknown))!r}; there are fleet, defaults and clusters.")
    return _Reader(path, environment).fleet(document)


class _Reader:
    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path
        self._environment = environment
        self._literals: list[str] = []

    def fleet(self, document: dict[str, Any]) -> FleetFile:
        name = document.get("fleet", self._path.stem)
        if not isinstance(name, str) or not 1 <= len(name) <= 64 or not name.isprintable():
            raise Invalid(f"{self._path}: `fleet` is a name of 1 to 64 characters.")
        defaults = document.get("defaults") or {}
        if not isinstance(defaults, dict):
            raise Invalid(f"{self._path}: `defaults` is a mapping, of what clusters have in common.")
        clusters: dict[str, dict[str, Any]] = {}
        for number, entry in enumerate(document["clusters"], 1):
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                raise Invalid(f"{self._path}: cluster {number} has no name.")
            described = _merged(defaults, entry)
            cluster = described.pop("name")
            if cluster in clusters:
                raise Invalid(f"{self._path}: there are two clusters named {cluster}.")
            clusters[cluster] = self._resolved(described, cluster, ()) | {"managed_by": name}
        return FleetFile(name, clusters, self._literals)

    def _resolved(self, value: Any, cluster: str, at: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            if set(value) in ({_FROM_ENV}, {_FROM_FILE}):
                return self._referred(value, cluster, at)
            return {str(name): self._resolved(inner, cluster, (*at, str(name))) for name, inner in value.items()}
        if at == ("tls", "skip_verify") and isinstance(value, str):
            # Every word of the file is text, so that a token of digits stays one.
            return {"true": True, "false": False}.get(value.lower(), value)
        secret = at[-1:] and (at[-1] in _SECRET_FIELDS or at[0] == "headers")
        if secret and isinstance(value, str):
            self._literals.append(f"{cluster}: {'.'.join(at)}")
        return value

    def _referred(self, value: dict[str, Any], cluster: str, at: tuple[str, ...]) -> str:
        ((how, name),) = value.items()
        where = f"{self._path}: {cluster}: {'.'.join(at)}"
        if not isinstance(name, str) or not name:
            raise Invalid(f"{where}: {how} names a {'variable' if how == _FROM_ENV else 'file'}.")
        if how == _FROM_ENV:
            if name not in self._environment:
                raise Invalid(f"{where}: the variable {name} is not set.")
            return self._environment[name]
        path = self._path.parent / Path(name).expanduser()
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            raise Invalid(f"{where}: {path} is no text.") from None
        except OSError as error:
            raise Invalid(f"{where}: {path} can't be read: {error.strerror}.") from None
        # A token or a password ends with its file's last line, PEM does not mind.
        return text.rstrip("\r\n")


def _merged(defaults: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """The entry over the defaults; of labels and headers, each by itself."""
    both = {**defaults, **entry}
    for name in ("labels", "headers"):
        if isinstance(defaults.get(name), dict) and isinstance(entry.get(name), dict):
            both[name] = {**defaults[name], **entry[name]}
    return both
