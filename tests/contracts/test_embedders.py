"""What every embedder has to keep, the local model and an endpoint that speaks OpenAI's protocol alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from aiohttp import web

from aiops.intelligence.meaning.endpoint import EndpointModel
from aiops.intelligence.meaning.local import LocalModel, is_installed
from aiops.intelligence.meaning.needs import Embedder
from aiops.kernel.errors import Unavailable
from aiops.kernel.outbound import Outbound
from tests.intelligence.embeddings import KEY, EmbeddingsServer


@pytest.fixture(params=["local", "endpoint"])
async def embedder(request: pytest.FixtureRequest) -> AsyncIterator[Embedder]:
    if request.param == "local":
        if not is_installed():
            pytest.skip("the extra `meaning` is not installed")
        yield LocalModel()
        return
    outbound = Outbound(allow_loopback=True)
    async with EmbeddingsServer() as server:
        yield EndpointModel(outbound, server.url, "of-words", KEY)
    await outbound.close()


async def test_a_row_of_length_one_a_text_in_the_order_they_were_given(embedder: Embedder) -> None:
    texts = ["No space left on device", "deadlock detected", "x" * 5_000, "", "<*>"]
    together = await embedder.embed(texts)
    assert together.shape[0] == len(texts)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.vstack([await embedder.embed([text]) for text in texts])
    # int8 models round by the batch.
    assert ((together * alone).sum(axis=1) > 0.98).all()


async def test_what_shares_its_words_is_nearer_than_what_shares_none(embedder: Embedder) -> None:
    asked, near, far = await embedder.embed(["disk is full", "the disk is full", "login was refused"])
    assert asked @ near > asked @ far


async def test_nothing_to_embed_is_no_error(embedder: Embedder) -> None:
    assert len(await embedder.embed([])) == 0


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"error": KEY}, status=401),
        web.json_response({"data": [{"index": 0, "embedding": []}]}),
        web.json_response({"data": [{"index": 1, "embedding": [1.0]}]}),
        web.json_response({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}),
        web.json_response({"data": "no"}),
        web.Response(text="<html>"),
    ],
)
async def test_an_endpoint_that_answers_otherwise_is_unavailable_and_its_key_stays_secret(answer: web.Response) -> None:
    outbound = Outbound(allow_loopback=True)
    async with EmbeddingsServer(answer) as server:
        with pytest.raises(Unavailable) as failure:
            await EndpointModel(outbound, server.url, "of-words", KEY).embed(["disk full"])
    await outbound.close()
    assert KEY not in failure.value.message


async def test_an_address_that_the_hub_may_not_reach_is_unavailable() -> None:
    outbound = Outbound(allow_loopback=False)
    async with EmbeddingsServer() as server:
        with pytest.raises(Unavailable):
            await EndpointModel(outbound, server.url, "of-words", KEY).embed(["disk full"])
        assert server.asked == []
    await outbound.close()
