"""A detector's state, and beside it that of a watch's own rules, as bytes."""

from __future__ import annotations

import msgspec
import numpy as np
import zstandard

from aiops.intelligence.domain import rules
from aiops.intelligence.needs import Bytes, Floats, SeriesState


class _Packed(msgspec.Struct, array_like=True):
    columns_shape: tuple[int, int]
    ring_shape: tuple[int, int]
    columns: bytes
    ring: bytes


def pack(state: SeriesState) -> bytes:
    """All of it."""
    return msgspec.msgpack.encode((_pack(state), pack_slow(state)))


def unpack(blob: bytes) -> SeriesState:
    quick, slow = msgspec.msgpack.decode(blob, type=tuple[bytes, bytes | None])
    return _unpack(quick, slow)


def pack_slow(state: SeriesState) -> bytes | None:
    """What seldom changes; `None` where there is nothing."""
    if not state.slow.size:
        return None
    return msgspec.msgpack.encode((state.slow.shape, _squeezed(state.slow.tobytes())))


def _unpack_slow(blob: bytes | None) -> Bytes:
    if blob is None:
        return np.zeros((0, 0), np.uint8)
    shape, squeezed = msgspec.msgpack.decode(blob, type=tuple[tuple[int, int], bytes])
    return np.frombuffer(zstandard.ZstdDecompressor().decompress(squeezed), np.uint8).reshape(shape).copy()


def _squeezed(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(plain)


def _pack(state: SeriesState) -> bytes:
    packed = _Packed(
        (state.columns.shape[0], state.columns.shape[1]),
        (state.ring.shape[0], state.ring.shape[1]),
        state.columns.astype("<f8").tobytes(),
        state.ring.astype("<f8").tobytes(),
    )
    return _squeezed(msgspec.msgpack.encode(packed))


def _unpack(blob: bytes, slow: bytes | None) -> SeriesState:
    packed = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(blob), type=_Packed)
    columns = np.frombuffer(packed.columns, "<f8").reshape(packed.columns_shape).copy()
    ring = np.frombuffer(packed.ring, "<f8").reshape(packed.ring_shape).copy()
    return SeriesState(columns, ring, _unpack_slow(slow))


def pack_track(state: SeriesState, said: Floats) -> bytes:
    """What changes with every batch; `said` are the columns of `domain.rules`."""
    return msgspec.msgpack.encode((_pack(state), _squeezed(said.astype("<f8").tobytes())))


def unpack_track(blob: bytes, slow: bytes | None) -> tuple[SeriesState, Floats]:
    packed, beside = msgspec.msgpack.decode(blob, type=tuple[bytes, bytes])
    said = np.frombuffer(zstandard.ZstdDecompressor().decompress(beside), "<f8")
    return _unpack(packed, slow), said.reshape(-1, rules.COLUMNS).copy()
