"""An endpoint that speaks OpenAI's embeddings protocol; its vectors count the words of a text."""

from __future__ import annotations

import zlib
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = "sk-not-to-be-shown"
_DIMENSIONS = 64


class EmbeddingsServer:
    """Answers at `url`; with `answer` always so, otherwise only to those who bring the key."""

    def __init__(self, answer: web.Response | None = None) -> None:
        self._answer = answer
        self.asked: list[dict[str, Any]] = []
        app = web.Application()
        app.router.add_post("/v1/embeddings", self._embed)
        self._server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self._server.make_url("/v1"))

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _embed(self, request: web.Request) -> web.Response:
        if self._answer is not None:
            return self._answer
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": "wrong key"}}, status=401)
        asked = await request.json()
        self.asked.append(asked)
        vectors = [{"index": at, "object": "embedding", "embedding": _of(one)} for at, one in enumerate(asked["input"])]
        # The order is not promised by the protocol.
        return web.json_response({"object": "list", "model": asked["model"], "data": vectors[::-1]})


def _of(text: str) -> list[float]:
    found = [0.0] * _DIMENSIONS
    for word in text.lower().split():
        found[zlib.crc32(word.encode()) % _DIMENSIONS] += 1.0
    return found if any(found) else [1.0] * _DIMENSIONS
