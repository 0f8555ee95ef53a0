"""A running hub, asked over HTTP with a token, as `aiops cluster` does."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec

from aiops.kernel.errors import AiopsError
from aiops.kernel.no_answer import explained

_TIMEOUT_S = 60.0
_MOST_TRIES = 10
_AT_ONCE = 16


class HubRefused(AiopsError):
    """The hub refused one request, and says why; others may succeed."""

    default_code = "HUB_REFUSED"


class HubUnreachable(AiopsError):
    """There is no use in asking on."""

    default_code = "HUB_UNREACHABLE"


class HubClient:
    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._session: aiohttp.ClientSession | None = None
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            trust_env=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """The decoded answer; waits where the hub asks for patience."""
        assert self._session is not None
        async with self._turn:
            for _ in range(_MOST_TRIES):
                try:
                    async with self._session.request(
                        method,
                        f"{self._url}/api/v1/{path}",
                        params=query,
                        data=None if body is None else msgspec.json.encode(body),
                        headers={"Content-Type": "application/json"},
                        allow_redirects=False,
                    ) as reply:
                        status, said, wait = reply.status, await reply.read(), reply.headers.get("Retry-After", "1")
                except (aiohttp.ClientError, OSError) as error:
                    why = explained(error, self._url, _TIMEOUT_S)
                    raise HubUnreachable(f"The hub gave no answer: {why.sentence} Is --url right?") from None
                if status != 429:
                    return self._answer(status, said)
                await asyncio.sleep(min(float(wait) if wait.isdecimal() else 1.0, 60.0))
        raise HubUnreachable(f"The hub at {self._url} takes no more requests now: try again later.")

    async def clusters(self, **query: str) -> list[dict[str, Any]]:
        """All pages of the list."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.ask("GET", "clusters", page_size="100", **query, **cursor)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    async def by_name(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("GET", f"clusters/by-name/{quote(name, safe='')}")
        return found

    def _answer(self, status: int, body: bytes) -> Any:
        try:
            said = msgspec.json.decode(body) if body else None
        except msgspec.DecodeError:
            raise HubUnreachable(f"{self._url} does not answer like a hub ({status}): is --url right?") from None
        if status < 400:
            return said
        error = said.get("error", {}) if isinstance(said, dict) else {}
        message = error.get("message", f"it answered {status}")
        if status == 401:
            raise HubUnreachable(f"The hub does not know this token: {message} Set AIOPS_TOKEN.")
        raise HubRefused(message, code=error.get("code"), details=error.get("details"))
