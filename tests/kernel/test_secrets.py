from __future__ import annotations

import pytest

from aiops.kernel.secrets import SecretBox, SecretUnreadable

KEY = bytes(range(32))


def test_what_is_sealed_opens_again_and_never_looks_the_same() -> None:
    box = SecretBox(KEY)
    first, second = (box.seal(b"hush", belongs_to=b"a") for _ in range(2))
    assert first != second
    assert b"hush" not in first
    assert box.open(first, belongs_to=b"a") == box.open(second, belongs_to=b"a") == b"hush"


def test_a_secret_opens_only_for_its_owner() -> None:
    box = SecretBox(KEY)
    with pytest.raises(SecretUnreadable):
        box.open(box.seal(b"hush", belongs_to=b"a"), belongs_to=b"b")


def test_another_key_does_not_open_it_and_the_message_names_the_setting() -> None:
    with pytest.raises(SecretUnreadable, match="AIOPS_SECRET_KEY"):
        SecretBox(bytes(32)).open(SecretBox(KEY).seal(b"hush", belongs_to=b"a"), belongs_to=b"a")


def test_one_purpose_does_not_open_the_secrets_of_another() -> None:
    sealed = SecretBox.for_purpose(KEY, "one").seal(b"hush", belongs_to=b"a")
    assert SecretBox.for_purpose(KEY, "one").open(sealed, belongs_to=b"a") == b"hush"
    with pytest.raises(SecretUnreadable):
        SecretBox.for_purpose(KEY, "two").open(sealed, belongs_to=b"a")


def test_any_changed_byte_is_noticed() -> None:
    box = SecretBox(KEY)
    sealed = box.seal(b"hush", belongs_to=b"a")
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(SecretUnreadable):
            box.open(bytes(damaged), belongs_to=b"a")


@pytest.mark.parametrize("sealed", [b"", b"\x02", b"\x02" + bytes(31), b"\x01" + bytes(40)])
def test_what_is_no_sealed_secret_is_refused(sealed: bytes) -> None:
    with pytest.raises(SecretUnreadable):
        SecretBox(KEY).open(sealed, belongs_to=b"a")


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        SecretBox(b"short")


def test_a_ring_opens_what_its_former_key_sealed_and_seals_with_the_new_one() -> None:
    old, new = bytes(range(32)), bytes(range(32, 64))
    before = SecretBox.for_purpose(old, "one").seal(b"hush", belongs_to=b"a")
    ring = SecretBox.for_purpose((new, old), "one")
    assert ring.open(before, belongs_to=b"a") == b"hush"
    assert not ring.is_current(before)
    after = ring.seal(b"hush", belongs_to=b"a")
    assert ring.is_current(after)
    assert SecretBox.for_purpose(new, "one").open(after, belongs_to=b"a") == b"hush"
    with pytest.raises(SecretUnreadable):
        SecretBox.for_purpose(old, "one").open(after, belongs_to=b"a")
