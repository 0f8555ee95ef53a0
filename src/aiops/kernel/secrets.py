"""Secrets at rest: AES-256-GCM, bound to what they belong to."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aiops.kernel.errors import AiopsError

_VERSION = b"\x01"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class SecretUnreadable(AiopsError):
    """A sealed secret does not open: another key, another owner, or damaged bytes."""

    default_code = "SECRET_UNREADABLE"


class SecretBox:
    """Seals bytes so that only the same key and the same `belongs_to` open them.

    Sealed form: one byte of version, 12 of nonce, the ciphertext, 16 of tag; the version is authenticated too.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"A key has {_KEY_BYTES} bytes, this one {len(key)}.")
        self._cipher = AESGCM(key)

    @classmethod
    def for_purpose(cls, master: bytes, purpose: str) -> SecretBox:
        """A box with a key of its own, derived (HKDF-SHA256), so that one purpose can't open another's secrets."""
        return cls(HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(master))

    def seal(self, secret: bytes, *, belongs_to: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, _VERSION + belongs_to)

    def open(self, sealed: bytes, *, belongs_to: bytes) -> bytes:
        """Raises `SecretUnreadable`."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
            raise SecretUnreadable("A stored secret has a form that this version does not know.")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, _VERSION + belongs_to)
        except InvalidTag:
            raise SecretUnreadable(
                "A stored secret can't be read: AIOPS_SECRET_KEY is not the one it was stored under."
            ) from None
