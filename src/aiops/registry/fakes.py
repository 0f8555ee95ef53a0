"""Stand-ins for those who are asked about clusters, for tests: they say what they were told to."""

from __future__ import annotations

from datetime import datetime

from aiops.kernel.errors import AiopsError, Unavailable
from aiops.registry.credentials import Oidc
from aiops.registry.needs import Discovered, FreshToken, Step
from aiops.registry.ports import Capabilities, Target


class FakeDiscovery:
    """Implements `needs.Discovery`. `fails` is raised by whatever may raise; `asked` names what was asked."""

    def __init__(self, at: datetime) -> None:
        self.found = Discovered(Capabilities(discovered_at=at, problems=["Nobody looked"]))
        self.rights: list[Step] = []
        self.tokens: list[FreshToken] = []
        self.secrets: dict[tuple[str, str], dict[str, bytes]] = {}
        self.fails: AiopsError | None = None
        self.asked: list[tuple[str, ...]] = []

    async def discover(self, api: Target | None, prometheus: Target | None) -> Discovered:
        self.asked.append(("discover", *(target.url for target in (api, prometheus) if target is not None)))
        return self.found

    async def check_rights(self, api: Target) -> list[Step]:
        return self.rights

    async def renew_token(self, api: Target, namespace: str, account: str, lasts_s: int) -> FreshToken:
        self.asked.append(("renew_token", api.url, namespace, account))
        if self.fails is not None:
            raise self.fails
        return self.tokens.pop(0)

    async def read_secret(self, namespace: str, name: str) -> dict[str, bytes]:
        if self.fails is not None:
            raise self.fails
        if (namespace, name) not in self.secrets:
            raise Unavailable("The hub runs in no Kubernetes cluster.")
        return self.secrets[namespace, name]


class FakeIssuer:
    """Implements `needs.TokenIssuer`: hands out `tokens`, or raises `fails`."""

    def __init__(self, *tokens: FreshToken) -> None:
        self.tokens = list(tokens)
        self.fails: AiopsError | None = None

    async def fetch(self, client: Oidc) -> FreshToken:
        if self.fails is not None:
            raise self.fails
        return self.tokens.pop(0)
