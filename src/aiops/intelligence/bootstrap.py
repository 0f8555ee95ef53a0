"""What the command line asks of intelligence, without a running hub."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aiops.intelligence.meaning.local import INSTALL, is_installed, model_file, word_pieces
from aiops.intelligence.service.change_sources import box_of
from aiops.intelligence.store.changes import SqlChangeSources
from aiops.intelligence.store.orphans import count_orphans
from aiops.kernel.database import Database
from aiops.kernel.secrets import SecretUnreadable
from aiops.settings import Settings


async def orphans(database: Database, clusters: list[UUID]) -> dict[str, int]:
    """How much is kept of clusters that are none of these: it should have gone with them."""
    async with database.begin() as tx:
        return await count_orphans(tx, clusters)


async def seal_anew(database: Database, keys: Sequence[bytes]) -> tuple[int, list[str]]:
    """Seal the tokens of sources of changes that a former key has sealed under the first; how many, and those that no
    key opens."""
    box, store = box_of(keys), SqlChangeSources()
    sealed, lost = 0, list[str]()
    async with database.begin() as tx:
        names = {one.id: one.name for one in await store.all(tx, None)}
        for source_id, before in (await store.sealed(tx)).items():
            if box.is_current(before):
                continue
            try:
                token = box.open(before, belongs_to=source_id.bytes)
            except SecretUnreadable:
                lost.append(names[source_id])
                continue
            await store.seal(tx, source_id, box.seal(token, belongs_to=source_id.bytes))
            sealed += 1
        await tx.commit()
    return sealed, lost


def meaning_at_work(settings: Settings) -> tuple[bool, str]:
    """Whether a model searches the log patterns, and which, or why none does.

    An endpoint is named, not asked. Raises `LocalModelMissing` where the local model's file is not the one we know.
    """
    if settings.embeddings == "off":
        return False, "log patterns are searched by words: AIOPS_EMBEDDINGS=off"
    if settings.embeddings_url is not None:
        return True, f"by {settings.embeddings_model} at {settings.embeddings_url}, which is not tried here"
    if not is_installed():
        return False, f"log patterns are searched by words; for the local model: {INSTALL}"
    word_pieces()
    return True, f"by the local model, whose sha256 is right: {model_file()}"
