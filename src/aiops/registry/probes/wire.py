"""One bounded request to an endpoint, and every way to fail told apart, with what to do about it."""

from __future__ import annotations

import re
import socket
import ssl
from urllib.parse import urlsplit

import aiohttp
import msgspec

from aiops.kernel.errors import Invalid
from aiops.kernel.outbound import AddressRefused, Outbound, RedirectRefused
from aiops.registry.ports import Target

_MOST_BYTES = 64 * 1024


class Answer(msgspec.Struct, frozen=True):
    status: int
    content_type: str
    body: bytes


class Failed(Exception):
    """The way to the server broke off at `step`."""

    def __init__(self, step: str, detail: str) -> None:
        super().__init__(detail)
        self.step = step
        self.detail = detail


async def get(outbound: Outbound, target: Target, path: str, timeout_s: float) -> Answer:
    """Whatever the status; the beginning of the body. Raises `Failed`."""
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
        if isinstance(error, aiohttp.ServerDisconnectedError) and url.startswith("https:"):
            raise _hung_up(target) from None
        raise _explain(error, url, timeout_s) from None


async def resolve(outbound: Outbound, url: str) -> str:
    """The host and its addresses, for people. Raises `Failed`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        addresses = await outbound.resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
    except AddressRefused as error:
        raise _refused(error) from None
    except TimeoutError:
        raise Failed("dns", f"The name server gave no answer for {host}") from None
    except OSError as error:
        raise Failed("dns", _no_such_name(host, error)) from None
    return f"{host} is {', '.join(sorted(set(addresses)))}"


def _explain(error: Exception, url: str, timeout_s: float) -> Failed:
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    cause = getattr(error, "os_error", None)
    for refused in (error, cause):
        if isinstance(refused, AddressRefused):
            return _refused(refused)
    unsecured = _unsecured(error, where, parts.hostname or "")
    if unsecured is not None:
        return unsecured
    if isinstance(error, RedirectRefused):
        return Failed("answer", f"It redirects to {error.location}: if that is right, give that address")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Failed("dns", _no_such_name(parts.hostname or "", cause))
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Failed(
            "connect", f"{where} did not take a connection in time: is a firewall between, or the port wrong?"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return Failed("connect", _unconnected(where, cause))
    if isinstance(error, TimeoutError):
        return Failed("answer", f"{where} took the connection and gave no answer within {timeout_s:g} s")
    if isinstance(error, aiohttp.ClientError | OSError):
        return Failed("answer", f"{where} did not answer in HTTP ({type(error).__name__}): is https:// needed?")
    raise error


def _hung_up(target: Target) -> Failed:
    # With TLS 1.3 a server judges the hub's certificate after the handshake, and says so only to those who listen.
    shown = target.tls.client_certificate is not None
    why = "does it trust the hub's client certificate?" if shown else "does it want a client certificate?"
    return Failed("answer", f"It took the connection and closed it without a word: {why}")


def _unsecured(error: Exception, where: str, host: str) -> Failed | None:
    """What went wrong at the proxy or with TLS."""
    if isinstance(error, Invalid):
        return Failed("tls", error.message)
    wanted = _client_certificate(error)
    if wanted is not None:
        return Failed("tls", wanted)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Failed("proxy", f"The proxy refused to connect to {where} ({error.status} {error.message})")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Failed("proxy", f"The proxy {error.host}:{error.port} can't be reached")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Failed("tls", _certificate(error.certificate_error, host))
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return Failed("tls", f"TLS with {where} failed ({_tls_reason(error)}): does it speak plain http:// there?")
    return None


def _unconnected(where: str, cause: BaseException | None) -> str:
    if isinstance(cause, ConnectionRefusedError):
        return f"{where} refused the connection: nothing listens on that port"
    reason = getattr(cause, "strerror", None) or str(cause)
    return f"{where} can't be reached: {reason}"


def _no_such_name(host: str, error: BaseException | None) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return f"{host} can't be looked up: the name server does not answer"
    return f"There is no host named {host}: is it spelt right, and known to this machine's name server?"


def _certificate(error: BaseException, host: str) -> str:
    reason = getattr(error, "verify_message", "") or str(error)
    lowered = reason.lower()
    if "expired" in lowered:
        return f"The certificate of {host} has expired"
    if "not yet valid" in lowered:
        return f"The certificate of {host} is not valid yet: is the clock of this machine right?"
    if "self-signed" in lowered or "self signed" in lowered or "unable to get" in lowered:
        signer = f"signed by nobody whom this machine trusts ({reason})"
        return f"The certificate of {host} is {signer}: give the cluster's CA bundle"
    if "mismatch" in lowered or "not valid for" in lowered:
        return f"The certificate is not for {host} ({reason}): give the name in it as the TLS server name"
    return f"The certificate of {host} is not valid ({reason})"


def _client_certificate(error: BaseException) -> str | None:
    """What a server says about the hub's own certificate; it may say so only after the handshake."""
    said = str(getattr(error, "os_error", error) or error).upper().replace(" ", "_")
    if "ALERT_CERTIFICATE_REQUIRED" in said or "ALERT_HANDSHAKE_FAILURE" in said:
        return "It wants a client certificate, and the hub has none for it"
    if "ALERT_CERTIFICATE_EXPIRED" in said:
        return "It says that the hub's client certificate has expired"
    if any(f"ALERT_{word}" in said for word in ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN")):
        return "It does not trust the hub's client certificate: was it signed by this cluster's CA?"
    return None


def _tls_reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", error)
    return str(getattr(inner, "reason", None) or inner).replace("_", " ").lower()


def shown(answer: Answer) -> str:
    words = answer.body.decode(errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", words, re.IGNORECASE | re.DOTALL)
    clean = " ".join("".join(c if c.isprintable() else " " for c in (title.group(1) if title else words)).split())
    if not clean:
        return f"an empty {answer.content_type}"
    return f"{answer.content_type}: “{clean[:80]}”"


def _refused(error: AddressRefused) -> Failed:
    advice = ": AIOPS_ALLOW_LOCAL_TARGETS=true would allow it" if error.address.is_loopback else ""
    return Failed("address", f"{error}{advice}")
