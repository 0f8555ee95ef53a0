"""`aiops secrets rotate`: everything that is sealed, sealed anew under the key of now."""

from __future__ import annotations

import asyncio
import sys

from aiops.cli.output import say
from aiops.intelligence.bootstrap import seal_anew as seal_tokens_anew
from aiops.kernel.database import Database
from aiops.kernel.master_key import accept_key, require_same_key
from aiops.registry.bootstrap import seal_anew
from aiops.settings import Settings, key_ring, where_key_is


def rotate(url: str, settings: Settings) -> int:
    """0 where all is under the key of now; 1 where some secrets open with neither key."""
    keys = key_ring(settings)
    require_same_key(url, keys, where_key_is(settings))
    sealed, lost, mute = asyncio.run(_seal_anew(url, keys))
    accept_key(url, keys[0])
    say(f"{sealed} sealed anew under {where_key_is(settings)}.")
    if lost:
        sys.stderr.write(f"aiops: no key opens the credentials of {', '.join(lost)}: enter them again.\n")
    if mute:
        sys.stderr.write(f"aiops: no key opens the tokens of {', '.join(mute)}: make these sources of changes anew.\n")
    if lost or mute:
        return 1
    say("AIOPS_SECRET_KEY_PREVIOUS can be taken away, and the hub restarted without it.")
    return 0


async def _seal_anew(url: str, keys: tuple[bytes, ...]) -> tuple[int, list[str], list[str]]:
    """How many were sealed, the clusters and the sources of changes whose secrets no key opens."""
    database = Database(url, pool_size=1)
    try:
        sealed, lost = await seal_anew(database, keys)
        tokens, mute = await seal_tokens_anew(database, keys)
        return sealed + tokens, lost, mute
    finally:
        await database.close()
