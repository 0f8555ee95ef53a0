"""Tells at the start, not when a secret is needed, whether the key is the one that secrets were stored under."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from aiops.kernel.secrets import SecretBox, SecretUnreadable

_PURPOSE = "kernel.master_key"
_WORD = b"aiops"


def require_same_key(url: str, keys: bytes | Sequence[bytes], where: str) -> None:
    """Raises `SecretUnreadable` where none of these keys is the one that was used here; `where` is how people name it.

    Of several, the first is the one that seals.
    """
    with _connect(url) as connection:
        proof = _box(keys).seal(_WORD, belongs_to=_WORD)
        connection.execute("INSERT INTO kernel.master_key (proof) VALUES (%s) ON CONFLICT DO NOTHING", (proof,))
    if not is_same_key(url, keys):
        raise SecretUnreadable(
            f"{where} is not the key that this database keeps credentials under: put the former key back; "
            "or, while it is changed, set that as AIOPS_SECRET_KEY_PREVIOUS; "
            "or, if it is lost, run `aiops accept-key` and enter the credentials of the clusters again."
        )


def is_same_key(url: str, keys: bytes | Sequence[bytes]) -> bool:
    """Whether secrets that are stored here open with these keys; true where none was ever used."""
    with _connect(url) as connection:
        row = connection.execute("SELECT proof FROM kernel.master_key").fetchone()
    try:
        return row is None or _box(keys).open(row[0], belongs_to=_WORD) == _WORD
    except SecretUnreadable:
        return False


def accept_key(url: str, key: bytes) -> None:
    """From now on this key is the right one; what was stored under another stays unreadable."""
    with _connect(url) as connection:
        connection.execute(
            "INSERT INTO kernel.master_key (proof) VALUES (%s) ON CONFLICT (sole) DO UPDATE SET proof = excluded.proof",
            (_box(key).seal(_WORD, belongs_to=_WORD),),
        )


def _box(keys: bytes | Sequence[bytes]) -> SecretBox:
    return SecretBox.for_purpose(keys, _PURPOSE)


def _connect(url: str) -> psycopg.Connection[tuple[bytes]]:
    return psycopg.connect(url.replace("+psycopg", ""), connect_timeout=10)
