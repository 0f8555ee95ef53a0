"""Texts of logs and what they mean: the glossary, the pieces of words and the local model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aiops.intelligence.meaning.glossary import explained, plain_words
from aiops.intelligence.meaning.local import LocalModel, LocalModelMissing, is_installed, model_file, word_pieces
from aiops.intelligence.meaning.thesaurus import concept_vector, concepts
from aiops.intelligence.meaning.thesaurus import text as thesaurus_text
from bench.paraphrases import pairs, shared_words

needs_model = pytest.mark.skipif(not is_installed(), reason="the extra `meaning` is not installed")


def test_names_are_taken_apart_and_placeholders_left_out() -> None:
    assert plain_words("kubelet: OOMKilled pod=<*> disk_full") == "kubelet OOMKilled pod disk full"
    assert plain_words("OutOfMemoryError: <*>") == "Out Of Memory Error"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("write failed: ENOSPC", "disk is full"),
        ("java.lang.OutOfMemoryError: Java heap space", "JVM heap is full"),
        ("NVRM: Xid (PCI:<*>): 79, GPU has fallen off the bus", "GPU graphics card"),
        ("FATAL: sorry, too many clients already", "no connections left"),
    ],
)
def test_the_glossary_says_what_a_term_means(said: str, meant: str) -> None:
    assert meant in explained(said)


@pytest.mark.parametrize(
    "said",
    [
        "smartd: Device: <*>, SMART self-check passed",
        "nvidia: loading NVIDIA driver <*>",
        "redis: connected to <*>",
        "fan <*> speed <*> RPM",
        "etcd member <*> started",
        "token issued for <*>",
        "systemd: Started <*>.",
    ],
)
def test_what_only_names_a_part_is_not_taken_for_its_failure(said: str) -> None:
    assert ". " not in explained(said)


def test_what_the_glossary_does_not_know_stays_as_it_is() -> None:
    assert explained("the quick brown fox jumps") == "the quick brown fox jumps"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("kubelet: OOMKilled", "container used too much RAM"),
        ("MySQL: Deadlock found", "database transactions block each other"),
        ("dial tcp <*>: connect: connection refused", "nobody is listening there"),
        ("leases ran out", "lease is out"),
    ],
)
def test_concepts_are_shared_by_what_shares_no_word(pattern: str, words: str) -> None:
    assert len(concepts(pattern).keys() & concepts(words).keys()) >= 2
    near, far = concept_vector(pattern) @ concept_vector(words), concept_vector("fan spins too slowly")
    assert near > concept_vector(pattern) @ far


def test_the_longest_form_counts_and_not_its_parts() -> None:
    assert "disk" in concepts("hard drive")
    assert concepts("file descriptors") == concepts("fd")
    assert "file" not in concepts("file descriptors")


def test_a_name_that_has_a_concept_stays_whole() -> None:
    assert "query" not in concepts("MySQL")
    assert {"disk", "full"} <= concepts("NodeHasDiskPressure").keys()


def test_texts_without_concepts_are_alike_only_by_their_words() -> None:
    one, same, other = (concept_vector(text) for text in ("Quibbled zarfs", "zarf: quibble", "mumpsimus"))
    assert one @ same == pytest.approx(1, abs=0.01)
    assert abs(one @ other) < 0.5


def test_each_line_of_the_thesaurus_has_concepts_and_forms() -> None:
    lines = [line.partition(" = ") for line in thesaurus_text().splitlines() if line and not line.startswith("#")]
    assert [head for head, _, forms in lines if not head or not all(form.strip() for form in forms.split(","))] == []


@needs_model
def test_pieces_are_those_the_model_was_trained_on() -> None:
    # By the reference implementation, for the vocabulary of bert-base-uncased.
    pieces = word_pieces()
    assert pieces.encode("No space left on device", 128) == [101, 2053, 2686, 2187, 2006, 5080, 102]
    assert pieces.encode("naïve Café 漢字", 128) == pieces.encode("naive cafe 漢 字", 128)
    assert len(pieces.encode("disk " * 500, 128)) == 128


def test_the_pairs_of_the_bench_share_no_content_word() -> None:
    kinds = pairs()
    every = [one for some in kinds.values() for one in some]
    assert [(one.pattern, shared_words(one)) for one in every if shared_words(one)] == []
    assert len(kinds["foreseen"]) >= 60


@needs_model
def test_what_is_said_in_other_words_is_found_first() -> None:
    some = pairs()["foreseen"][::3]
    model = LocalModel()
    questions, patterns = model.embed_now([one.words for one in some]), model.embed_now([one.pattern for one in some])
    first = (questions @ patterns.T).argmax(axis=1) == np.arange(len(some))
    assert first.mean() >= 0.8, [one.words for one, found in zip(some, first, strict=True) if not found]


@needs_model
def test_weights_that_are_not_ours_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "weights_of_another"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model.onnx").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LocalModelMissing, match="not the one we know"):
        model_file(package.name)
