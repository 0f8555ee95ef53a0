"""What signs the hub in at a cluster: the kinds, what each is checked for, and what is sent."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography import x509

from aiops.kernel.errors import Invalid
from aiops.kernel.tls import Tls, context_of
from aiops.registry.ports import CredentialKind

_LONGEST = 64 * 1024
_MOST_HEADERS = 20
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
# What the hub or its HTTP client sets itself.
_OWN_HEADERS = frozenset(
    ("authorization", "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection",
     "cookie", "accept-encoding", "upgrade", "te", "trailer", "expect", "proxy-authorization")
)  # fmt: skip


class _Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class Bearer(_Secret, frozen=True, tag="BEARER"):
    """A token, sent as it is."""

    token: str


class Basic(_Secret, frozen=True, tag="BASIC"):
    username: str
    password: str


class ClientCertificate(_Secret, frozen=True, tag="CLIENT_CERTIFICATE"):
    """A certificate with its chain, and its key without a password, in PEM form."""

    certificate: str
    key: str


class ServiceAccount(_Secret, frozen=True, tag="SERVICE_ACCOUNT"):
    """A token of a Kubernetes ServiceAccount. Where it expires, the hub asks the cluster for the next one in time."""

    token: str


class Oidc(_Secret, frozen=True, tag="OIDC"):
    """A client of an identity provider (client credentials grant); the hub fetches tokens and renews them.

    `ca_bundle` (PEM) is what the provider's certificate is signed by, where the machine does not know it.
    """

    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None
    audience: str | None = None
    ca_bundle: str | None = None


class SecretRef(_Secret, frozen=True, tag="SECRET_REF"):
    """A Secret of the Kubernetes cluster that the hub itself runs in: `token`, or `username` and `password`, or
    `tls.crt` and `tls.key`."""

    namespace: str
    name: str


class Kubeconfig(_Secret, frozen=True, tag="KUBECONFIG"):
    """What one context of a kubeconfig signs in with; the rest of the file is not kept."""

    token: str | None = None
    username: str | None = None
    password: str | None = None
    certificate: str | None = None
    key: str | None = None


class NoSignIn(_Secret, frozen=True, tag="NONE"):
    """Nothing is sent: for one endpoint of a cluster that otherwise signs in."""


Direct = Bearer | Basic | ClientCertificate | NoSignIn
"""What one endpoint may take in place of the cluster's credentials: sent as it is, renewed by nobody."""
Credentials = Bearer | Basic | ClientCertificate | ServiceAccount | Oidc | SecretRef | Kubeconfig

_KINDS: dict[type[Any], CredentialKind] = {
    Bearer: CredentialKind.BEARER,
    Basic: CredentialKind.BASIC,
    ClientCertificate: CredentialKind.CLIENT_CERTIFICATE,
    ServiceAccount: CredentialKind.SERVICE_ACCOUNT,
    Oidc: CredentialKind.OIDC,
    SecretRef: CredentialKind.SECRET_REF,
    Kubeconfig: CredentialKind.KUBECONFIG,
}


class Access(msgspec.Struct, frozen=True):
    """What is sent to an endpoint: the outcome of signing in. `expires_at` is `None` where nothing tells."""

    authorization: str | None = None
    certificate: str | None = None
    key: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return "Access(***)"

    def headers(self) -> dict[str, str]:
        return {} if self.authorization is None else {"Authorization": self.authorization}


def kind_of(credentials: Credentials | None) -> CredentialKind:
    return CredentialKind.NONE if credentials is None else _KINDS[type(credentials)]


def access_of(credentials: Credentials | None) -> Access | None:
    """What these credentials send as they are; `None` where they must first be exchanged for something."""
    match credentials:
        case None:
            return Access()
        case Bearer(token) | ServiceAccount(token):
            return Access(f"Bearer {token}", expires_at=expiry_of_token(token))
        case Basic(username, password):
            return Access(basic(username, password))
        case ClientCertificate(certificate, key):
            return Access(None, certificate, key, expiry_of_certificate(certificate))
        case Kubeconfig():
            return _kubeconfig_access(credentials)
        case _:
            return None


def direct_access(credentials: Direct) -> Access:
    found = access_of(None if isinstance(credentials, NoSignIn) else credentials)
    assert found is not None
    return found


def is_exchanged(credentials: Credentials | None) -> bool:
    """Whether the hub must ask someone for what it sends."""
    return isinstance(credentials, Oidc | SecretRef)


def renews(credentials: Credentials | None, expires_at: datetime | None) -> bool:
    """Whether the hub gets the next one by itself, so that nobody need be warned before it expires."""
    return is_exchanged(credentials) or (isinstance(credentials, ServiceAccount) and expires_at is not None)


def check(credentials: Credentials | NoSignIn) -> None:
    """Raise `Invalid` for what can't be sent, or has expired by its own word."""
    match credentials:
        case Bearer(token) | ServiceAccount(token):
            _check_token(token, "token")
        case Basic(username, password):
            _check_basic(username, password)
        case ClientCertificate(certificate, key):
            _check_certificate(certificate, key)
        case Oidc():
            for field in ("client_id", "client_secret"):
                if not getattr(credentials, field) or not getattr(credentials, field).isprintable():
                    raise _invalid("An OIDC client needs its id and its secret, on one line each.", field)
            context_of(Tls(ca_bundle=credentials.ca_bundle))
        case SecretRef(namespace, name):
            for field, value in (("namespace", namespace), ("name", name)):
                if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", value):
                    raise _invalid("A Secret is named by its namespace and its name, as Kubernetes has them.", field)
        case Kubeconfig():
            _check_kubeconfig(credentials)


def credentials_from(bearer_token: str | None, username: str | None, password: str | None) -> Bearer | Basic | None:
    """The credentials that a request gives; raises `Invalid` for a mixture, or what no header can carry."""
    if bearer_token is not None and (username is not None or password is not None):
        raise _invalid("Give a bearer token, or a user name and password, not both.", "bearer_token")
    if bearer_token is not None:
        _check_token(bearer_token, "bearer_token")
        return Bearer(bearer_token)
    if username is None and password is None:
        return None
    if not username or password is None:
        raise _invalid("Basic sign-in needs both a user name and a password.", "password" if username else "username")
    _check_basic(username, password)
    return Basic(username, password)


def check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > _MOST_HEADERS or len({name.lower() for name in headers}) != len(headers):
        raise _invalid(f"A cluster has at most {_MOST_HEADERS} extra headers, each once.", "headers")
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            raise _invalid(f"{name[:40]!r} is not the name of a header.", "headers")
        if name.lower() in _OWN_HEADERS:
            raise _invalid(f"The header {name} is the hub's own to set: use the credentials to sign in.", "headers")
        if not value or len(value) > 8192 or not value.isascii() or not value.isprintable():
            raise _invalid(f"The value of the header {name} has to be plain ASCII on one line.", "headers")


def expiry_of_token(token: str) -> datetime | None:
    """When a JWT expires by its own word (`exp`), unverified; `None` for every other token."""
    claims = claims_of(token)
    found = claims.get("exp")
    if not isinstance(found, int | float):
        return None
    try:
        return datetime.fromtimestamp(found, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified; none of what is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=dict[str, Any])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return {}


def expiry_of_certificate(certificate: str) -> datetime | None:
    """When the first of these certificates expires."""
    try:
        return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(certificate.encode()))
    except ValueError:
        return None


def _kubeconfig_access(given: Kubeconfig) -> Access:
    authorization, expiries = None, []
    if given.token:
        authorization = f"Bearer {given.token}"
        expiries.append(expiry_of_token(given.token))
    elif given.username is not None and given.password is not None:
        authorization = basic(given.username, given.password)
    if given.certificate:
        expiries.append(expiry_of_certificate(given.certificate))
    known = [expiry for expiry in expiries if expiry is not None]
    return Access(authorization, given.certificate, given.key, min(known, default=None))


def _check_kubeconfig(given: Kubeconfig) -> None:
    if given.token is not None:
        _check_token(given.token, "kubeconfig")
    if given.username is not None or given.password is not None:
        _check_basic(given.username or "", given.password or "")
    if given.certificate is not None or given.key is not None:
        _check_certificate(given.certificate or "", given.key or "")
    if not (given.token or given.username or given.certificate):
        raise _invalid("This context of the kubeconfig has no user that the hub could sign in as.", "kubeconfig")


def _check_token(token: str, field: str) -> None:
    if not token.isascii() or not token.isprintable() or not token or " " in token or len(token) > _LONGEST:
        raise _invalid("A bearer token has no spaces, line ends or special characters: paste it again.", field)


def _check_basic(username: str, password: str) -> None:
    if not username or ":" in username or not (username + password).isprintable():
        raise _invalid("A user name has no colon, and neither part has control characters.", "username")


def _check_certificate(certificate: str, key: str) -> None:
    if len(certificate) > _LONGEST or len(key) > _LONGEST:
        raise _invalid("A client certificate and its key have at most 64 KB each.", "certificate")
    context_of(Tls(client_certificate=certificate, client_key=key))


def basic(username: str, password: str) -> str:
    """The header `Authorization` of a user name and password."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _invalid(message: str, field: str) -> Invalid:
    return Invalid(message, details={"field": field})
