"""One bounded request to an endpoint."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from aiops.kernel.no_answer import NoAnswer, explained, no_such_name, refused_address
from aiops.kernel.outbound import AddressRefused, Outbound
from aiops.registry.ports import Target

_MOST_BYTES = 64 * 1024


class Answer(msgspec.Struct, frozen=True):
    status: int
    content_type: str
    body: bytes


async def get(outbound: Outbound, target: Target, path: str, timeout_s: float) -> Answer:
    """Whatever the status; the beginning of the body. Raises `NoAnswer`."""
    url = target.url + path
    try:
        async with outbound.request(
            "GET", url, headers=target.headers, timeout_s=timeout_s, tls=target.tls, proxy_url=target.proxy_url
        ) as response:
            body = await response.content.read(_MOST_BYTES)
            while len(body) < _MOST_BYTES and (more := await response.content.read(_MOST_BYTES - len(body))):
                body += more
            return Answer(response.status, response.content_type, body)
    except Exception as error:
        raise explained(error, url, timeout_s, target.tls) from None


async def resolve(outbound: Outbound, url: str) -> str:
    """The host and its addresses, for people. Raises `NoAnswer`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        addresses = await outbound.resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
    except AddressRefused as error:
        raise refused_address(error) from None
    except TimeoutError:
        raise NoAnswer("dns", f"The name server gave no answer for {host}", transient=True) from None
    except OSError as error:
        raise no_such_name(host, error) from None
    return f"{host} is {', '.join(sorted(set(addresses)))}"


def shown(answer: Answer) -> str:
    words = answer.body.decode(errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", words, re.IGNORECASE | re.DOTALL)
    clean = " ".join("".join(c if c.isprintable() else " " for c in (title.group(1) if title else words)).split())
    if not clean:
        return f"an empty {answer.content_type}"
    return f"{answer.content_type}: “{clean[:80]}”"
