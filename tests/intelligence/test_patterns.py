"""Lines become patterns: what is a value, what is said, and that what is learned stays consistent."""

from __future__ import annotations

import random

import pytest

from aiops.intelligence.patterns.lines import LONGEST_LINE, lines_of, message_of
from aiops.intelligence.patterns.mining import Miner


def _texts(*lines: str) -> list[str]:
    """The pattern of each line, after all."""
    miner = Miner()
    return [miner.of(number).text for number in [miner.add(line) for line in lines]]


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("took 15ms for 3 of 4.5 GB", "took <*> for <*> of <*> GB"),
        ("peer 10.0.0.7:6443 gone", "peer <*>:<*> gone"),
        ("lease 9e107d9d372b lost", "lease <*> lost"),
        ("volume 3f2504e0-4f89-11d3-9a0c-0305e82c3301 full", "volume <*> full"),
        ("at 0x7ffe12 in main", "at <*> in main"),
        ("link de:ad:be:ef:00:01 down", "link <*> down"),
        ("shard orders_17_2 moved", "shard orders_<*> moved"),
        ("seen Mon Jul 18 in the log", "seen <*> <*> <*> in the log"),
        ("queue is empty", "queue is empty"),
    ],
)
def test_values_of_every_kind_are_told_from_words(line: str, pattern: str) -> None:
    assert _texts(line) == [pattern]


def test_a_place_with_many_words_is_variable_and_all_its_lines_are_of_one_pattern() -> None:
    users = ["ana", "bo", "cleo", "dan", "eve", "finn"]
    miner = Miner()
    numbers = [miner.add(f"quota of tenant {user} exceeded by 3 GB") for user in users]
    assert {miner.of(number).text for number in numbers} == {"quota of tenant <*> exceeded by <*> GB"}
    assert len({miner.of(number).number for number in numbers}) == 1
    assert miner.of(miner.add("quota of tenant zoe exceeded by 9 GB")).number == miner.of(numbers[0]).number


def test_few_words_at_a_place_are_different_messages() -> None:
    assert _texts("link is up", "link is down") == ["link is up", "link is down"]


def test_values_of_names_differ_without_a_new_pattern() -> None:
    texts = _texts('open name=a.txt, mode=r, tag="one two"', 'open name=b.txt, mode=w, tag="three"')
    assert texts == ['open name=<*>, mode=<*>, tag="<*>"'] * 2


def test_what_never_changed_is_shown_as_it_is() -> None:
    assert _texts("reading /etc/app.conf", "reading /etc/app.conf") == ["reading /etc/app.conf"] * 2
    assert _texts("reading /etc/app.conf", "reading /etc/other.conf")[0] == "reading /etc/<*>"


def test_exceptions_of_different_names_stay_apart() -> None:
    texts = _texts(
        "failed: java.lang.OutOfMemoryError", "failed: java.io.IOException", "failed: java.net.ConnectException"
    )
    assert len(set(texts)) == 3


def test_two_names_in_one_message_are_found_where_no_two_lines_share_one() -> None:
    rng = random.Random(5)
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(400)]
    lines = [
        f"moved the tenant {one} over to rack {two} as asked" for one, two in zip(words[::2], words[1::2], strict=True)
    ]
    assert set(_texts(*lines)) == {"moved the tenant <*> over to rack <*> as asked"}


def test_a_large_crowd_of_one_start_is_one_pattern_though_hardly_two_of_its_lines_share_a_word() -> None:
    rng = random.Random(2)
    names = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(60)]
    lines = [
        f"SELECT {rng.choice(names)} FROM {rng.choice(names)} WHERE {rng.choice(names)} IN {rng.choice(names)}"
        for _ in range(1000)
    ]
    assert set(_texts(*lines)) == {"SELECT <*> FROM <*> WHERE <*> IN <*>"}


def test_what_a_wider_pattern_covers_is_no_pattern_of_its_own() -> None:
    lines = ["dev nvme3n1: lost nvme3n1", "dev nvme3n1: lost nvme1n1", "dev nvme2n1: lost nvme1n1"]
    assert set(_texts("dev nvme7n1: lost nvme8n1", *lines)) == {"dev <*>: lost <*>"}


def test_values_in_json_without_a_message_are_values() -> None:
    assert set(_texts('{"a":1,"b":"x","c":[1,2]}', '{"a":2,"b":"y","c":[3,4]}')) == {
        '{"a":<*>,"b":"<*>","c":[<*>,<*>]}'
    }


def test_past_the_limit_lines_share_one_pattern_that_says_so() -> None:
    miner = Miner(limit=3)
    texts = [f"{word} happened now" for word in ("alpha", "beta", "gamma", "delta", "epsilon")]
    numbers = [miner.add(text) for text in texts]
    assert [miner.of(number).text for number in numbers] == [*texts[:3], "<*>", "<*>"]
    assert miner.others is not None


def test_the_order_of_ordinary_lines_does_not_change_their_groups() -> None:
    lines = [f"user {name} logged in from 10.0.0.{place}" for place, name in enumerate("abcdef")]
    lines += [f"disk sd{letter} is {state}" for letter in "abc" for state in ("full", "ok")]
    shuffled = list(lines)
    random.Random(1).shuffle(shuffled)
    first = dict(zip(lines, _texts(*lines), strict=True))
    assert first == dict(zip(shuffled, _texts(*shuffled), strict=True))


def test_the_message_of_json_and_logfmt_is_what_counts() -> None:
    assert (
        message_of('{"level":"error","ts":1,"msg":"no route","error":"dial tcp: refused"}')
        == "no route: dial tcp: refused"
    )
    assert message_of('ts=2026-11-21 level=warn msg="slow \\"get\\"" took=3s') == 'slow "get"'
    assert message_of('{"half": ') == '{"half": '
    assert message_of("plain words") == "plain words"


class _Bytes:
    def __init__(self, *chunks: bytes) -> None:
        self._chunks = list(chunks)

    def read(self, _size: int) -> bytes:
        return self._chunks.pop(0) if self._chunks else b""


def test_any_bytes_become_lines_of_bounded_length() -> None:
    endless = [b"x" * 1_000_000] * 20
    read = [line for lines in lines_of(_Bytes(b"a\r\nb\xff\0", b"c\n\n", *endless, b"\nlast")) for line in lines]
    assert read == ["a", "b\ufffd\ufffdc", "", "x" * LONGEST_LINE, "last"]
