"""Reads a kubeconfig: its contexts as clusters that can be added, each with its server, trust and sign-in.

Nothing is run and nothing is fetched. Files that it names are read only where the caller hands in a way to read them,
as the command line does for its own user; what was uploaded to the hub never makes the hub read its own files.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from aiops.kernel.errors import Invalid
from aiops.kernel.tls import Tls
from aiops.registry.discovery.documents import mapping_of
from aiops.registry.discovery.naming import distinct, name_from_context

ReadFile = Callable[[str], bytes]
T = TypeVar("T")

_WHAT = "kubeconfig"
_MOST_FILE_BYTES = 1024 * 1024
_ADVICE = (
    "The hub runs no programs to sign in: apply deploy/spoke to the cluster and give the token of its service account."
)


class KubeContext(msgspec.Struct, frozen=True):
    """One context as a cluster to add. `problem` says why it can't be added as it stands; the secrets are secret."""

    context: str
    name: str
    current: bool = False
    server: str = ""
    proxy_url: str | None = None
    tls: Tls = Tls()
    token: str | None = None
    username: str | None = None
    password: str | None = None
    problem: str | None = None

    def __repr__(self) -> str:
        return f"KubeContext({self.context!r}, {self.server!r}, problem={self.problem!r})"


class _Cluster(msgspec.Struct, rename="kebab"):
    server: str | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None


class _User(msgspec.Struct, rename="kebab"):
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = msgspec.field(name="tokenFile", default=None)
    username: str | None = None
    password: str | None = None
    exec: dict[str, Any] | None = None
    auth_provider: dict[str, Any] | None = None
    as_user: str | None = msgspec.field(name="as", default=None)
    as_groups: list[str] | None = None
    as_uid: str | None = None


class _Context(msgspec.Struct, rename="kebab"):
    cluster: str | None = None
    user: str | None = None


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: _Cluster | None = None


class _NamedUser(msgspec.Struct):
    name: str
    user: _User | None = None


class _NamedContext(msgspec.Struct):
    name: str
    context: _Context | None = None


class _Config(msgspec.Struct, rename="kebab"):
    kind: str | None = None
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None
    current_context: str | None = None


class _Unusable(Exception):
    """Why one context can't be added."""


def contexts_of(content: str | bytes, *, read: ReadFile | None = None) -> list[KubeContext]:
    """Every context, in the order of the file; raises `Invalid` where the whole is no kubeconfig.

    Without `read`, a context that names a file has that as its problem.
    """
    config = _config(content)
    clusters = _by_name(config.clusters)
    users = _by_name(config.users)
    found = [
        _context(entry, clusters, users, read, current=entry.name == config.current_context)
        for entry in config.contexts or []
    ]
    if not found:
        raise Invalid("The kubeconfig has no contexts: `kubectl config view --raw --flatten` writes a whole one.")
    names = distinct(entry.name for entry in found)
    return [msgspec.structs.replace(entry, name=name) for entry, name in zip(found, names, strict=True)]


def contexts_of_files(paths: Sequence[Path]) -> list[KubeContext]:
    """The contexts of several files as kubectl reads `KUBECONFIG`: of one name the first counts, a file's relative
    paths start at its own folder. For the command line: it reads whatever files these name."""
    found: dict[str, KubeContext] = {}
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Invalid(f"{path} can't be read: {error.strerror}.") from None
        for entry in contexts_of(content, read=reader_at(path.parent)):
            found.setdefault(entry.context, entry)
    names = distinct(name_from_context(entry.context) for entry in found.values())
    return [msgspec.structs.replace(entry, name=name) for entry, name in zip(found.values(), names, strict=True)]


def reader_at(folder: Path) -> ReadFile:
    """Reads the files that a kubeconfig in `folder` names."""

    def read(name: str) -> bytes:
        with (folder / name).open("rb") as file:
            return file.read(_MOST_FILE_BYTES)

    return read


def _config(content: str | bytes) -> _Config:
    document = mapping_of(content, _WHAT)
    try:
        config = msgspec.convert(document, _Config, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"The kubeconfig has a part of the wrong kind: {error}") from None
    if config.kind not in (None, "", "Config"):
        raise Invalid(f"That is a {config.kind[:60]}, not a kubeconfig.")
    return config


def _by_name(entries: Sequence[Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries or []:
        found.setdefault(entry.name, entry)
    return found


def _context(
    entry: _NamedContext,
    clusters: dict[str, _NamedCluster],
    users: dict[str, _NamedUser],
    read: ReadFile | None,
    *,
    current: bool,
) -> KubeContext:
    found = KubeContext(entry.name, name_from_context(entry.name), current)
    context = entry.context or _Context()
    try:
        cluster = _cluster_of(context.cluster, clusters)
        found = msgspec.structs.replace(found, server=_server(cluster), proxy_url=_proxy(cluster))
        tls = _trust(cluster, read)
        user = _user_of(context.user, users)
        token, pair = _sign_in(user, read)
        certificate, key = _client_certificate(user, read)
        _check_complete(user, token, pair, certificate)
    except _Unusable as unusable:
        return msgspec.structs.replace(found, problem=str(unusable))
    tls = msgspec.structs.replace(tls, client_certificate=certificate, client_key=key)
    return msgspec.structs.replace(found, tls=tls, token=token, username=pair[0], password=pair[1])


def _cluster_of(name: str | None, clusters: dict[str, _NamedCluster]) -> _Cluster:
    if not name:
        raise _Unusable("The context names no cluster.")
    entry = clusters.get(name)
    if entry is None or entry.cluster is None:
        raise _Unusable(f"The context names the cluster {name}, which the file does not describe.")
    return entry.cluster


def _user_of(name: str | None, users: dict[str, _NamedUser]) -> _User:
    if not name:
        return _User()
    entry = users.get(name)
    if entry is None:
        raise _Unusable(f"The context names the user {name}, whom the file does not describe.")
    return entry.user or _User()


def _server(cluster: _Cluster) -> str:
    server = (cluster.server or "").strip()
    if not server:
        raise _Unusable("The cluster has no server.")
    parts = _split(server)
    if parts is None or not parts.hostname:
        raise _Unusable("The server is not a URL like https://api.example.com:6443.")
    if parts.scheme != "https":
        raise _Unusable(f"The server {parts.scheme}://{parts.hostname} is not https: a token would go in the clear.")
    if parts.username or parts.password:
        raise _Unusable("The server has a user name or password in its URL: give them to the user.")
    return server.rstrip("/")


def _proxy(cluster: _Cluster) -> str | None:
    if not cluster.proxy_url:
        return None
    parts = _split(cluster.proxy_url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        scheme = parts.scheme if parts and parts.scheme else "this"
        raise _Unusable(f"The hub goes through http:// and https:// proxies only, not through a {scheme} one.")
    return cluster.proxy_url


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        # The port is read late: a bad one shows only when asked for.
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _trust(cluster: _Cluster, read: ReadFile | None) -> Tls:
    authority = _pem(
        cluster.certificate_authority_data, cluster.certificate_authority, "certificate-authority", "CERTIFICATE", read
    )
    skip = bool(cluster.insecure_skip_tls_verify)
    if skip and authority:
        raise _Unusable("The cluster has a certificate authority and says to skip it as well: take one of them out.")
    return Tls(ca_bundle=authority, skip_verify=skip, server_name=cluster.tls_server_name or None)


def _sign_in(user: _User, read: ReadFile | None) -> tuple[str | None, tuple[str | None, str | None]]:
    if user.as_user or user.as_groups or user.as_uid:
        raise _Unusable("The user acts in another's name (as:): give the hub an account of its own.")
    token = _file(user.token_file, "tokenFile", read) if user.token_file else (user.token or "").encode()
    try:
        clean = token.decode("ascii").strip()
    except UnicodeDecodeError:
        raise _Unusable("The token holds characters that no token has.") from None
    if any(not character.isprintable() or character == " " for character in clean):
        raise _Unusable("The token holds a space or a line end: paste it again.")
    if user.username and user.password is not None:
        return clean or None, (user.username, user.password)
    return clean or None, (None, None)


def _client_certificate(user: _User, read: ReadFile | None) -> tuple[str | None, str | None]:
    certificate = _pem(user.client_certificate_data, user.client_certificate, "client-certificate", "CERTIFICATE", read)
    key = _pem(user.client_key_data, user.client_key, "client-key", "PRIVATE KEY", read)
    if (certificate is None) != (key is None):
        missing = "client-key" if key is None else "client-certificate"
        raise _Unusable(f"The user has one half of a client certificate: {missing} is missing.")
    return certificate, key


def _check_complete(
    user: _User, token: str | None, pair: tuple[str | None, str | None], certificate: str | None
) -> None:
    if token or certificate or pair[0]:
        return
    if user.exec is not None:
        command = str(user.exec.get("command") or "a program").rsplit("/", 1)[-1][:60]
        raise _Unusable(f"The user signs in by running {command}. {_ADVICE}")
    if user.auth_provider is not None:
        provider = str(user.auth_provider.get("name") or "unnamed")[:60]
        raise _Unusable(f"The user signs in by the plugin {provider}. {_ADVICE}")
    raise _Unusable("The context has no sign-in: no token, client certificate, or user name with password.")


def _pem(data: str | None, path: str | None, field: str, holds: str, read: ReadFile | None) -> str | None:
    """What kubectl takes: inline data before a file."""
    if data:
        try:
            content = base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            raise _Unusable(f"The value of {field}-data is not base64.") from None
    elif path:
        content = _file(path, field, read)
    else:
        return None
    try:
        text = content.decode("ascii").strip() + "\n"
    except UnicodeDecodeError:
        text = ""
    if f"{holds}-----" not in text or "-----BEGIN" not in text:
        raise _Unusable(f"What {field} holds is not a {holds.lower()} in PEM form.")
    return text


def _file(path: str, field: str, read: ReadFile | None) -> bytes:
    if read is None:
        raise _Unusable(
            f"{field} names a file ({path[:120]}), which the hub does not have: upload what"
            " `kubectl config view --raw --flatten` writes."
        )
    try:
        return read(path)
    except OSError as error:
        raise _Unusable(f"{field}: {path[:120]} can't be read: {error.strerror or 'no such file'}.") from None
