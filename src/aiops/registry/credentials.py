"""What signs the hub in at a cluster's endpoint: sealed at rest, never shown again."""

from __future__ import annotations

import base64
from uuid import UUID

import msgspec

from aiops.kernel.errors import Invalid
from aiops.kernel.secrets import SecretBox
from aiops.registry.ports import CredentialKind


class Bearer(msgspec.Struct, frozen=True, tag="BEARER", tag_field="kind"):
    token: str


class Basic(msgspec.Struct, frozen=True, tag="BASIC", tag_field="kind"):
    username: str
    password: str


Credentials = Bearer | Basic
_decoder = msgspec.json.Decoder(Credentials)


def credentials_from(bearer_token: str | None, username: str | None, password: str | None) -> Credentials | None:
    """The credentials that a request gives; raises `Invalid` for a mixture, or what no header can carry."""
    if bearer_token is not None and (username is not None or password is not None):
        raise _invalid("Give a bearer token, or a user name and password, not both.", "bearer_token")
    if bearer_token is not None:
        if not bearer_token.isascii() or not bearer_token.isprintable() or not bearer_token or " " in bearer_token:
            raise _invalid(
                "A bearer token has no spaces, line ends or special characters: paste it again.", "bearer_token"
            )
        return Bearer(bearer_token)
    if username is None and password is None:
        return None
    if not username or password is None:
        raise _invalid("Basic sign-in needs both a user name and a password.", "password" if username else "username")
    if ":" in username or not (username + password).isprintable():
        raise _invalid("A user name has no colon, and neither part has control characters.", "username")
    return Basic(username, password)


def kind_of(credentials: Credentials | None) -> CredentialKind:
    if credentials is None:
        return CredentialKind.NONE
    return CredentialKind.BEARER if isinstance(credentials, Bearer) else CredentialKind.BASIC


def headers_of(credentials: Credentials | None) -> dict[str, str]:
    if credentials is None:
        return {}
    if isinstance(credentials, Bearer):
        return {"Authorization": f"Bearer {credentials.token}"}
    pair = f"{credentials.username}:{credentials.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


class Vault:
    """Seals credentials to the one cluster that they belong to."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def seal(self, cluster_id: UUID, credentials: Credentials | None) -> bytes | None:
        if credentials is None:
            return None
        return self._box.seal(msgspec.json.encode(credentials), belongs_to=cluster_id.bytes)

    def headers(self, cluster_id: UUID, sealed: bytes | None) -> dict[str, str]:
        """What to send with a request; raises `SecretUnreadable`."""
        if sealed is None:
            return {}
        return headers_of(_decoder.decode(self._box.open(sealed, belongs_to=cluster_id.bytes)))


def _invalid(message: str, field: str) -> Invalid:
    return Invalid(message, details={"field": field})
