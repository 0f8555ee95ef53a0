"""Signs the hub in at an identity provider: the client credentials grant of OAuth 2.0 (RFC 6749, 4.4)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid, Unavailable
from aiops.kernel.no_answer import explained
from aiops.kernel.outbound import AddressRefused, Outbound
from aiops.kernel.tls import Tls
from aiops.registry.credentials import Oidc, basic, expiry_of_token
from aiops.registry.needs import FreshToken

_TIMEOUT_S = 10.0
_MOST_BYTES = 64 * 1024


class _Reply(msgspec.Struct):
    access_token: str | None = None
    expires_in: float | None = None
    error: str | None = None
    error_description: str | None = None


class OidcIssuer:
    """Implements `needs.TokenIssuer`."""

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock

    async def fetch(self, client: Oidc) -> FreshToken:
        form = {"grant_type": "client_credentials", "scope": client.scope, "audience": client.audience}
        host = urlsplit(client.token_url).hostname
        try:
            async with self._outbound.request(
                "POST",
                client.token_url,
                headers={
                    # Each part is encoded by itself first (2.3.1), so that a colon in the name divides nothing.
                    "Accept": "application/json",
                    "Authorization": basic(quote(client.client_id, safe=""), quote(client.client_secret, safe="")),
                },
                timeout_s=_TIMEOUT_S,
                tls=Tls(ca_bundle=client.ca_bundle),
                data={name: value for name, value in form.items() if value is not None},
            ) as response:
                status, body = response.status, await response.content.read(_MOST_BYTES)
        except AiopsError:
            raise
        except AddressRefused as error:
            raise Invalid(f"The identity provider {host}: {error}.") from None
        except (aiohttp.ClientError, OSError) as error:
            why = explained(error, client.token_url, _TIMEOUT_S)
            raise Unavailable(f"The identity provider gave no answer: {why.sentence}") from None
        return self._token(status, body, str(host))

    def _token(self, status: int, body: bytes, host: str) -> FreshToken:
        try:
            reply = msgspec.json.decode(body, type=_Reply)
        except msgspec.DecodeError:
            raise Unavailable(
                f"The identity provider {host} answered {status} and no token: is the URL right?"
            ) from None
        if status >= 500:
            raise Unavailable(f"The identity provider {host} failed ({status}).")
        if status != 200 or not reply.access_token:
            reason = reply.error_description or reply.error or "no token in its answer"
            raise Invalid(f"The identity provider {host} refused to sign the hub in ({status}): {reason[:200]}.")
        expires_at = expiry_of_token(reply.access_token)
        if reply.expires_in is not None:
            expires_at = self._clock.now() + timedelta(seconds=min(reply.expires_in, 366 * 86400))
        return FreshToken(reply.access_token, expires_at)
