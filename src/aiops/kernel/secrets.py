"""Secrets at rest: AES-256-GCM, bound to what they belong to, under keys that can be rotated."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aiops.kernel.errors import AiopsError

_VERSION = b"\x02"
_ID_BYTES = 4
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class SecretUnreadable(AiopsError):
    """A sealed secret does not open: another key, another owner, or damaged bytes."""

    default_code = "SECRET_UNREADABLE"


class SecretBox:
    """Seals bytes so that only the same key and the same `belongs_to` open them.

    It seals with `key`, and opens too what one of the `previous` keys has sealed. Sealed form: one byte of version, 4
    that name the key, 12 of nonce, the ciphertext, 16 of tag; version and name are authenticated too.
    """

    def __init__(self, key: bytes, previous: Sequence[bytes] = ()) -> None:
        for one in (key, *previous):
            if len(one) != _KEY_BYTES:
                raise ValueError(f"A key has {_KEY_BYTES} bytes, this one {len(one)}.")
        self._current = _id_of(key)
        self._ciphers = {_id_of(one): AESGCM(one) for one in (*previous, key)}

    @classmethod
    def for_purpose(cls, masters: bytes | Sequence[bytes], purpose: str) -> SecretBox:
        """A box with keys of its own, derived (HKDF-SHA256), so that one purpose can't open another's secrets.

        Of several `masters` the first seals.
        """
        ring = [masters] if isinstance(masters, bytes) else list(masters)
        first, *previous = [
            HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(master) for master in ring
        ]
        return cls(first, previous)

    def seal(self, secret: bytes, *, belongs_to: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._current
        return head + nonce + self._ciphers[self._current].encrypt(nonce, secret, head + belongs_to)

    def open(self, sealed: bytes, *, belongs_to: bytes) -> bytes:
        """Raises `SecretUnreadable`."""
        head, rest = sealed[: 1 + _ID_BYTES], sealed[1 + _ID_BYTES :]
        if sealed[:1] != _VERSION or len(rest) < _NONCE_BYTES + _TAG_BYTES:
            raise SecretUnreadable("A stored secret has a form that this version does not know.")
        cipher = self._ciphers.get(head[1:])
        try:
            if cipher is not None:
                return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + belongs_to)
        except InvalidTag:
            pass
        raise SecretUnreadable(
            "A stored secret can't be read: AIOPS_SECRET_KEY is not the one it was stored under."
        ) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the key that seals now."""
        return sealed[: 1 + _ID_BYTES] == _VERSION + self._current


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"aiops key id" + key).digest()[:_ID_BYTES]
