"""Where a cluster's secrets lie: sealed to the one cluster that they belong to, opened once for each version."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.kernel.errors import Unavailable
from aiops.kernel.secrets import SecretBox
from aiops.registry.credentials import Access, Credentials, Direct, access_of, direct_access
from aiops.registry.ports import EndpointKind

_MOST_OPENED = 10_000


class Sent(msgspec.Struct, frozen=True):
    """What goes with each request to one endpoint."""

    headers: dict[str, str]
    access: Access

    def __repr__(self) -> str:
        return "Sent(***)"


class Secrets(msgspec.Struct, frozen=True):
    """All that is secret about a cluster: `access` is what `credentials` were last exchanged for; `endpoints` are
    those that take something else."""

    credentials: Credentials | None = None
    headers: dict[str, str] = {}
    access: Access | None = None
    endpoints: dict[EndpointKind, Direct] = {}

    def __repr__(self) -> str:
        return "Secrets(***)"

    def current(self) -> Access:
        """What to send now; raises `Unavailable` where the credentials have not been exchanged yet."""
        found = self.access or access_of(self.credentials)
        if found is None:
            raise Unavailable("The hub has not got a token for this cluster yet; its status says why.")
        return found

    def sent(self, kind: EndpointKind) -> Sent:
        """As `current`, with the headers, for one endpoint."""
        own = self.endpoints.get(kind)
        if own is None and kind is EndpointKind.ALERTMANAGER_PEER:
            own = self.endpoints.get(EndpointKind.ALERTMANAGER)
        access = self.current() if own is None else direct_access(own)
        return Sent(self.headers | access.headers(), access)

    def expires_at(self) -> datetime | None:
        found = self.access or access_of(self.credentials)
        return None if found is None else found.expires_at

    def ends_of_endpoints(self) -> dict[EndpointKind, datetime]:
        """When that ends which single endpoints have of their own, as far as it tells."""
        ends = {kind: direct_access(own).expires_at for kind, own in self.endpoints.items()}
        return {kind: end for kind, end in ends.items() if end is not None}


class _Opened(msgspec.Struct, frozen=True):
    """The secrets of one version of a cluster, and what goes to each endpoint, as far as there is something."""

    secrets: Secrets
    sent: dict[EndpointKind, Sent]


_decoder = msgspec.json.Decoder(Secrets)


class Vault:
    """Seals and opens. What was opened is kept in memory until its row changes: opening costs more than asking."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box
        self._opened: dict[UUID, tuple[bytes, _Opened]] = {}

    @classmethod
    def of(cls, keys: Sequence[bytes]) -> Vault:
        """A vault under a ring of keys, of which the first seals."""
        return cls(SecretBox.for_purpose(keys, "registry.credentials"))

    def seal_anew(self, cluster_id: UUID, sealed: bytes) -> bytes:
        """The same under the key that seals now; raises `SecretUnreadable`."""
        if self._box.is_current(sealed):
            return sealed
        return self._box.seal(self._box.open(sealed, belongs_to=cluster_id.bytes), belongs_to=cluster_id.bytes)

    def seal(self, cluster_id: UUID, secrets: Secrets) -> bytes | None:
        if secrets == Secrets():
            return None
        return self._box.seal(msgspec.json.encode(secrets), belongs_to=cluster_id.bytes)

    def secrets(self, cluster_id: UUID, sealed: bytes | None) -> Secrets:
        """Raises `SecretUnreadable`."""
        return self._open(cluster_id, sealed).secrets

    def sent(self, cluster_id: UUID, sealed: bytes | None, kind: EndpointKind) -> Sent:
        """Raises `SecretUnreadable`, and `Unavailable` where there is nothing to send yet."""
        opened = self._open(cluster_id, sealed)
        return opened.sent.get(kind) or opened.secrets.sent(kind)

    def _open(self, cluster_id: UUID, sealed: bytes | None) -> _Opened:
        if sealed is None:
            self._opened.pop(cluster_id, None)
            return _NOTHING
        kept = self._opened.get(cluster_id)
        if kept is not None and kept[0] == sealed:
            return kept[1]
        opened = _all_sent(_decoder.decode(self._box.open(sealed, belongs_to=cluster_id.bytes)))
        if len(self._opened) >= _MOST_OPENED:
            self._opened.clear()
        self._opened[cluster_id] = (sealed, opened)
        return opened


def _all_sent(secrets: Secrets) -> _Opened:
    sent: dict[EndpointKind, Sent] = {}
    for kind in EndpointKind:
        with suppress(Unavailable):
            sent[kind] = secrets.sent(kind)
    return _Opened(secrets, sent)


_NOTHING = _all_sent(Secrets())
