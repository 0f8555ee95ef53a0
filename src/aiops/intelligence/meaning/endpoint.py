"""Embeddings by any endpoint that speaks OpenAI's protocol: POST {url}/embeddings.

https://platform.openai.com/docs/api-reference/embeddings; vLLM, Ollama, TEI, llama.cpp and LiteLLM speak it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aiohttp
import msgspec
import numpy as np

from aiops.intelligence.meaning.glossary import plain_words
from aiops.intelligence.meaning.needs import Vectors
from aiops.kernel.errors import Unavailable
from aiops.kernel.outbound import Outbound

_TIMEOUT_S = 30.0
_MOST_BYTES = 32 * 1024 * 1024
_MOST_DIMENSIONS = 4096


class _Item(msgspec.Struct, frozen=True):
    embedding: list[float]
    index: int


class _Answer(msgspec.Struct, frozen=True):
    data: list[_Item]


class EndpointModel:
    """The embedder behind an endpoint. The key goes into one header and is neither logged nor shown."""

    local = False

    def __init__(self, outbound: Outbound, url: str, model: str, key: str | None) -> None:
        self._outbound = outbound
        self._url = f"{url.rstrip('/')}/embeddings"
        self._model = model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.name = f"{model} at {url.rstrip('/')}"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        # An endpoint refuses a text without a word in it.
        body = {"model": self._model, "input": [plain_words(text) or "-" for text in texts], "encoding_format": "float"}
        try:
            answer = msgspec.json.decode(await self._post(body), type=_Answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"The embeddings endpoint can't be reached: {type(error).__name__}.") from error
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Unavailable("The embeddings endpoint does not answer as OpenAI's protocol has it.") from error
        return _vectors(answer, len(texts))

    async def _post(self, body: Mapping[str, object]) -> bytes:
        async with self._outbound.request(
            "POST", self._url, json=body, headers=self._headers, timeout_s=_TIMEOUT_S
        ) as response:
            if response.status != 200:
                # Its text may repeat what we sent, so the status must do.
                raise Unavailable(f"The embeddings endpoint answers {response.status} {response.reason or ''}".strip())
            found = bytearray()
            async for part in response.content.iter_any():
                found += part
                if len(found) > _MOST_BYTES:
                    raise Unavailable("The embeddings endpoint's answer is too large.")
            return bytes(found)


def _vectors(answer: _Answer, wanted: int) -> Vectors:
    rows = sorted(answer.data, key=lambda item: item.index)
    sizes = {len(item.embedding) for item in rows}
    if (
        [item.index for item in rows] != list(range(wanted))
        or len(sizes) != 1
        or not 0 < max(sizes) <= _MOST_DIMENSIONS
    ):
        raise Unavailable("The embeddings endpoint gives other vectors than were asked for.")
    found = np.array([item.embedding for item in rows], dtype=np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not np.isfinite(found).all() or not lengths.all():
        raise Unavailable("The embeddings endpoint gives vectors without a direction.")
    return np.asarray(found / lengths, dtype=np.float32)
