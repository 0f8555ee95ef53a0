"""The settings: one frozen struct, read once at the start from the environment and `aiops.toml`, then handed in."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, inspect

from aiops.kernel.errors import AiopsError

_PREFIX = "AIOPS_"
_CONFIG_NAME = "AIOPS_CONFIG"
# Not of the hub but of those who ask one: `aiops cluster`.
_NO_SETTINGS = frozenset({_CONFIG_NAME, "AIOPS_TOKEN", "AIOPS_URL"})
# Among them addresses in which people may have written a key.
_SECRET_FIELDS = frozenset(
    {"database_url", "admin_password", "secret_key", "secret_key_previous", "embeddings_key", "embeddings_url"}
)
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_SHORTEST_SECRET = 32


class SettingsError(AiopsError):
    """A setting is unknown or has a value that can't be; the message is one line that says which and what to do."""

    default_code = "SETTINGS_INVALID"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting of the hub. `port` is `AIOPS_PORT` in the environment and `port = 8080` in `aiops.toml`.

    The environment wins over the file; an empty variable counts as unset.

    - `host`: the address to listen on. 127.0.0.1 means: this machine alone.
    - `port`: the port to listen on; 0 takes any free one.
    - `public_url`: the address people type, behind a proxy; browsers' Origin is checked against it.
    - `data_dir`: where the hub keeps its own database and key. The user's data folder, or `/var/lib/aiops` as root.
    - `database_url`: a PostgreSQL to use instead of the embedded one, `postgresql://user:password@host/name`.
    - `pg_bin`: a folder with `postgres` and `initdb`, to use instead of the binaries that are installed with the hub.
    - `admin_password`: the password of the first user, `admin`; otherwise one is generated and printed once.
    - `secret_key`: at least 32 characters that encrypt credentials and sign sessions; else made in the data folder.
    - `secret_key_previous`: while the key is changed, the former one, until `aiops secrets rotate` has been run.
    - `session_hours`: for how long a sign-in lasts.
    - `watch_host`: whether this machine itself is a member of the fleet, the cluster `local`.
    - `offer_local_prometheus`: whether to look for a Prometheus on localhost:9090 and offer it (it is never added).
    - `allow_local_targets`: whether clusters may have addresses of this very machine (127.0.0.1, ::1).
    - `detector`: which detector looks at the watches: the name of its file, or of its entry point.
    - `watch_series_limit`: how many series of one watch in one cluster are looked at; more than that are counted.
    - `cluster_queries_at_once`: how many questions of one kind (metrics, logs, traces, alerts) a cluster is asked at a
      time; more wait for their turn.
    - `cluster_series_limit`: how many series one answer of a cluster may have; one that has more is refused.
    - `embeddings`: `auto` (log patterns are searched by meaning, with the endpoint below or the local model where it
      is installed) or `off` (by words).
    - `embeddings_url`: an endpoint that speaks OpenAI's protocol, `https://host/v1`; log patterns are sent to it.
    - `embeddings_model`, `embeddings_key`: which of its models, and its key.
    - `log_files`: logs of this machine whose lines are looked at, `/var/log/app/*.log,/srv/x.log`; otherwise its
      journal, or `/var/log/syslog` and `/var/log/messages`.
    - `log_lines_per_minute`: how many log lines of each cluster are looked at; where there are more, some are left out.
    - `log_patterns_limit`: how many log patterns of each cluster are kept; lines of others are counted together.
    - `forecast_every_minutes`: how often each cluster's disks, memory, quotas and certificates are looked at for what
      will run out.
    - `topology_every_minutes`: how often each cluster is looked at for what depends on what.
    - `topology_nodes_limit`: how many things of each cluster one such look keeps.
    - `changes_every_s`: how often each cluster's Kubernetes API is asked for what has changed.
    - `log_format`: `json` (a line is an object), `console` (for people), or `auto`: console in a terminal, else JSON.
    - `log_level`: `debug`, `info`, `warning` or `error`.
    - `metrics_retention_days`: for how long metrics are kept in all, at last as buckets of 15 minutes.
    - `metrics_raw_retention_days`, `metrics_1m_retention_days`, `metrics_5m_retention_days`: for how long the samples
      themselves and buckets of 1 and 5 minutes are kept; at most as long as metrics in all.
    - `log_patterns_retention_days`: for how long log patterns that come no more, and counts of lines, are kept.
    - `audit_retention_days`: for how long the audit trail is kept, at least a month.
    - `alerts_retention_days` (incidents too), `events_retention_days`, `health_retention_days`: for how long each is
      kept.
    - `bench_data`: the folder of the public data that benches read; the hub itself does not.
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    public_url: Annotated[str, Meta(pattern=r"^https?://[^/]+/?$")] | None = None
    data_dir: Path = msgspec.field(default_factory=lambda: default_data_dir(os.environ))
    database_url: Annotated[str, Meta(pattern=r"^postgres(ql)?(\+psycopg)?://")] | None = None
    pg_bin: Path | None = None
    admin_password: Annotated[str, Meta(min_length=8, max_length=256)] | None = None
    secret_key: Annotated[str, Meta(min_length=_SHORTEST_SECRET)] | None = None
    secret_key_previous: Annotated[str, Meta(min_length=_SHORTEST_SECRET)] | None = None
    session_hours: Annotated[int, Meta(ge=1, le=720)] = 12
    watch_host: bool = True
    offer_local_prometheus: bool = True
    allow_local_targets: bool = True
    detector: Annotated[str, Meta(min_length=1)] = "seasonal_band"
    watch_series_limit: Annotated[int, Meta(ge=1, le=10_000)] = 200
    cluster_queries_at_once: Annotated[int, Meta(ge=1, le=64)] = 8
    cluster_series_limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 50_000
    embeddings: Literal["auto", "off"] = "auto"
    embeddings_url: Annotated[str, Meta(pattern=r"^https?://[^/@?#]+(/[^@?#]*)?$")] | None = None
    embeddings_model: Annotated[str, Meta(min_length=1)] = "text-embedding-3-small"
    embeddings_key: Annotated[str, Meta(min_length=1)] | None = None
    log_files: str = ""
    log_lines_per_minute: Annotated[int, Meta(ge=100, le=1_000_000)] = 6_000
    log_patterns_limit: Annotated[int, Meta(ge=10, le=20_000)] = 3_000
    forecast_every_minutes: Annotated[int, Meta(ge=1, le=1440)] = 10
    topology_every_minutes: Annotated[int, Meta(ge=1, le=1440)] = 5
    topology_nodes_limit: Annotated[int, Meta(ge=10, le=50_000)] = 10_000
    changes_every_s: Annotated[int, Meta(ge=10, le=3600)] = 60
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    metrics_raw_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 15
    metrics_1m_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    metrics_5m_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 60
    log_patterns_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    alerts_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 365
    events_retention_days: Annotated[int, Meta(ge=1, le=365)] = 7
    health_retention_days: Annotated[int, Meta(ge=1, le=365)] = 7
    audit_retention_days: Annotated[int, Meta(ge=31, le=3650)] = 2555
    bench_data: Path | None = None

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if name in _SECRET_FIELDS and value else repr(value)}"
            for name, value in ((name, getattr(self, name)) for name in self.__struct_fields__)
        )
        return f"Settings({', '.join(shown)})"


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """`/var/lib/aiops` for root, else `aiops` in the user's data folder by the XDG rule."""
    if os.geteuid() == 0:
        return Path("/var/lib/aiops")
    # The XDG rule: a relative path is not valid and is ignored.
    shared = Path(environ.get("XDG_DATA_HOME") or "")
    if not shared.is_absolute():
        try:
            shared = Path(environ.get("HOME") or Path.home()) / ".local" / "share"
        except RuntimeError:
            raise SettingsError("There is no home folder to keep data in: set AIOPS_DATA_DIR.") from None
    return shared / "aiops"


def load_settings(environ: Mapping[str, str] | None = None, config_path: Path | None = None) -> Settings:
    """Read the settings; raises `SettingsError` on the first name or value that can't be.

    The file is `config_path`, else what `AIOPS_CONFIG` names, else `aiops.toml` in the current folder if there is one.
    """
    environ = os.environ if environ is None else environ
    values = _from_file(_config_file(environ, config_path)) | _from_environment(environ)
    if "data_dir" not in values:
        values["data_dir"] = default_data_dir(environ)
    return Settings(**values)


def secret_key(settings: Settings) -> bytes:
    """The 32 bytes that encrypt and sign: from `AIOPS_SECRET_KEY`, else made once and kept in the data folder, 0600.

    The file's text is itself a good `AIOPS_SECRET_KEY`: set it there, and the key stays the same.
    """
    return _bytes_of(settings.secret_key or _kept_secret(settings.data_dir / "secret.key"))


def key_ring(settings: Settings) -> tuple[bytes, ...]:
    """The key that encrypts, and the former one, which still opens what it has sealed."""
    former = settings.secret_key_previous
    return (secret_key(settings), *(() if former is None else (_bytes_of(former),)))


def _bytes_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def where_key_is(settings: Settings) -> str:
    """Where people find the secret key: the setting's name, or the path of the file."""
    return "AIOPS_SECRET_KEY" if settings.secret_key else str(settings.data_dir / "secret.key")


_HINTS: dict[str, Any] = get_type_hints(Settings, include_extras=True)


def _config_file(environ: Mapping[str, str], given: Path | None) -> Path | None:
    named = given or (Path(environ[_CONFIG_NAME]) if environ.get(_CONFIG_NAME) else None)
    if named is not None:
        if not named.is_file():
            raise SettingsError(f"The settings file {named} does not exist.")
        return named
    return usual if (usual := Path("aiops.toml")).is_file() else None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}") from None
    for name in found:
        if name not in _HINTS:
            raise SettingsError(f"{path}: there is no setting {name}.{_suggestion(name, list(_HINTS))}")
    return {name: _convert(name, raw, f"{path}: {name}") for name, raw in found.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    known = [_PREFIX + name.upper() for name in _HINTS]
    for name, raw in sorted(environ.items()):
        if not name.startswith(_PREFIX) or name in _NO_SETTINGS:
            continue
        if _is_service_link(name, raw):
            raise SettingsError(
                f"{name}={raw} comes from a Kubernetes Service named aiops: "
                "set enableServiceLinks: false in the pod, or name the Service otherwise."
            )
        if name not in known:
            raise SettingsError(f"There is no setting {name}.{_suggestion(name, known)}")
        if raw.strip():
            values[name.removeprefix(_PREFIX).lower()] = _convert(name.removeprefix(_PREFIX).lower(), raw, name)
    return values


def _is_service_link(name: str, raw: str) -> bool:
    by_name = re.match(r"AIOPS_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))", name)
    return bool(by_name or re.match(r"(tcp|udp|sctp)://", raw))


def _suggestion(name: str, known: list[str]) -> str:
    # Without the prefix that all share: with it, anything is close to something.
    by_ending = {one.removeprefix(_PREFIX): one for one in known}
    close = difflib.get_close_matches(name.removeprefix(_PREFIX), by_ending, n=1, cutoff=0.6)
    return f" Did you mean {by_ending[close[0]]}?" if close else " See `aiops serve --help` for those there are."


def _convert(field: str, raw: Any, source: str) -> Any:
    kind = _kind(field)
    if isinstance(kind, inspect.BoolType) and isinstance(raw, str):
        word = raw.strip().lower()
        raw = True if word in _TRUE else False if word in _FALSE else raw
    try:
        if _HINTS[field] in (Path, Path | None):
            return Path(msgspec.convert(raw, str)).expanduser().absolute()
        # Only the environment has nothing but text; in TOML a number in quotes is a mistake.
        text_only = isinstance(raw, str) and not isinstance(kind, inspect.StrType)
        return msgspec.convert(raw.strip() if text_only else raw, _HINTS[field], strict=not text_only)
    except (msgspec.ValidationError, RuntimeError):
        shown = "" if field in _SECRET_FIELDS else f"={raw}"
        raise SettingsError(f"{source}{shown} can't be: it has to be {_wanted(field, kind)}.") from None


def _kind(field: str) -> inspect.Type:
    kind = inspect.type_info(_HINTS[field])
    if isinstance(kind, inspect.UnionType):
        return next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    return kind


def _wanted(field: str, kind: inspect.Type) -> str:
    if isinstance(kind, inspect.IntType):
        return f"a whole number from {kind.ge} to {kind.le}"
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(str(value) for value in kind.values)
    if field == "database_url":
        return "a URL such as postgresql://user:password@host/name"
    if field == "public_url":
        return "a URL such as https://aiops.example.com, without a path"
    if field == "embeddings_url":
        return "a URL such as https://host/v1, without a key in it"
    if isinstance(kind, inspect.StrType) and kind.min_length and kind.min_length > 1:
        return f"a text of at least {kind.min_length} characters"
    return "a text" if isinstance(kind, inspect.StrType) else "the path of a folder"


def _kept_secret(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return _read_secret(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-", delete=False) as fresh:
        fresh.write(secrets.token_urlsafe(32) + "\n")
        fresh.flush()
        os.fsync(fresh.fileno())
    try:
        # A link never replaces: of two that start together, one key wins and both read it.
        with contextlib.suppress(FileExistsError):
            os.link(fresh.name, path)
    finally:
        os.unlink(fresh.name)
    return _read_secret(path)


def _read_secret(path: Path) -> str:
    text = path.read_text().strip()
    if len(text) < _SHORTEST_SECRET:
        raise SettingsError(
            f"{path} is damaged: it holds no key. Put the key back from a backup; "
            "or remove the file, run `aiops accept-key`, and enter all credentials again."
        )
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return text
