"""A detector's state, and beside it that of a watch's own rules, as bytes."""

from __future__ import annotations

import msgspec
import numpy as np
import zstandard

from aiops.intelligence.domain import rules
from aiops.intelligence.needs import Floats, SeriesState


class _Packed(msgspec.Struct, array_like=True):
    columns_shape: tuple[int, int]
    ring_shape: tuple[int, int]
    columns: bytes
    ring: bytes


def pack(state: SeriesState) -> bytes:
    packed = _Packed(
        (state.columns.shape[0], state.columns.shape[1]),
        (state.ring.shape[0], state.ring.shape[1]),
        state.columns.astype("<f8").tobytes(),
        state.ring.astype("<f8").tobytes(),
    )
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(packed))


def unpack(blob: bytes) -> SeriesState:
    packed = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(blob), type=_Packed)
    columns = np.frombuffer(packed.columns, "<f8").reshape(packed.columns_shape).copy()
    ring = np.frombuffer(packed.ring, "<f8").reshape(packed.ring_shape).copy()
    return SeriesState(columns, ring)


def pack_track(state: SeriesState, said: Floats) -> bytes:
    """`said` are the columns of `domain.rules`."""
    beside = zstandard.ZstdCompressor(level=1).compress(said.astype("<f8").tobytes())
    return msgspec.msgpack.encode((pack(state), beside))


def unpack_track(blob: bytes) -> tuple[SeriesState, Floats]:
    packed, beside = msgspec.msgpack.decode(blob, type=tuple[bytes, bytes])
    said = np.frombuffer(zstandard.ZstdDecompressor().decompress(beside), "<f8")
    return unpack(packed), said.reshape(-1, rules.COLUMNS).copy()
