"""Why a server gave no answer, in words that say what to do. Whoever asks over `Outbound` tells it in these."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

import aiohttp

from aiops.kernel.errors import Invalid
from aiops.kernel.outbound import AddressRefused, RedirectRefused
from aiops.kernel.tls import PLAIN, Tls


class NoAnswer(Exception):
    """The way to the server broke off at `step` (address, dns, connect, proxy, tls, answer).

    `detail` is for people, and has no full stop. `transient` says that the same request may succeed later with nothing
    changed.
    """

    def __init__(self, step: str, detail: str, *, transient: bool = False) -> None:
        super().__init__(detail)
        self.step = step
        self.detail = detail
        self.transient = transient

    @property
    def sentence(self) -> str:
        return self.detail if self.detail.endswith("?") else f"{self.detail}."


def explained(error: Exception, url: str, timeout_s: float, tls: Tls = PLAIN) -> NoAnswer:
    """What `error` of a request to `url` means; raises `error` itself where it tells nothing of the way there."""
    where, host = _place(url)
    cause = getattr(error, "os_error", None)
    for refused in (error, cause):
        if isinstance(refused, AddressRefused):
            return refused_address(refused)
    unsecured = _unsecured(error, where, host)
    if unsecured is not None:
        return unsecured
    if isinstance(error, RedirectRefused):
        return NoAnswer("answer", f"It redirects to {error.location}: if that is right, give that address")
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return no_such_name(host, cause or error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        said = f"{where} did not take a connection in time: is a firewall between, or the port wrong?"
        return NoAnswer("connect", said, transient=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        return NoAnswer("connect", _unconnected(where, cause), transient=True)
    return _unanswered(error, where, timeout_s, tls if url.startswith(("https:", "wss:")) else None)


def refused_address(error: AddressRefused) -> NoAnswer:
    advice = ": AIOPS_ALLOW_LOCAL_TARGETS=true would allow it" if error.address.is_loopback else ""
    return NoAnswer("address", f"{error}{advice}")


def no_such_name(host: str, error: BaseException | None) -> NoAnswer:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return NoAnswer("dns", f"{host} can't be looked up: the name server does not answer", transient=True)
    return NoAnswer(
        "dns", f"There is no host named {host}: is it spelt right, and known to this machine's name server?"
    )


def _place(url: str) -> tuple[str, str]:
    """Host with port, and host alone."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{parts.port or (443 if parts.scheme in ('https', 'wss') else 80)}", host


def _unsecured(error: Exception, where: str, host: str) -> NoAnswer | None:
    """What went wrong at the proxy or with TLS."""
    if isinstance(error, Invalid):
        return NoAnswer("tls", error.message.rstrip("."))
    wanted = _client_certificate(error)
    if wanted is not None:
        return NoAnswer("tls", wanted)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return NoAnswer("proxy", f"The proxy refused to connect to {where} ({error.status} {error.message})")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return NoAnswer("proxy", f"The proxy {error.host}:{error.port} can't be reached", transient=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NoAnswer("tls", _certificate(error.certificate_error, host))
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return NoAnswer("tls", f"TLS with {where} failed ({_tls_reason(error)}): does it speak plain http:// there?")
    return None


def _unconnected(where: str, cause: BaseException | None) -> str:
    if isinstance(cause, ConnectionRefusedError):
        return f"{where} refused the connection: nothing listens on that port"
    reason = getattr(cause, "strerror", None) or str(cause)
    return f"{where} can't be reached: {reason}"


def _unanswered(error: Exception, where: str, timeout_s: float, tls: Tls | None) -> NoAnswer:
    """It took the connection. `tls` is given where TLS was spoken."""
    if isinstance(error, TimeoutError):
        said = f"{where} took the connection and gave no answer within {timeout_s:g} s"
    elif isinstance(error, aiohttp.ClientPayloadError):
        said = f"{where} broke off in the middle of its answer"
    elif isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
        said = f"{where} took the connection and closed it without a word: {_hung_up(tls)}"
    elif isinstance(error, aiohttp.ClientError | OSError):
        said = f"{where} did not answer in HTTP{'' if tls else ': is https:// needed?'}"
    else:
        raise error
    return NoAnswer("answer", said, transient=True)


def _hung_up(tls: Tls | None) -> str:
    if tls is None:
        return "is it just starting, or is https:// needed?"
    # With TLS 1.3 a server judges the hub's certificate after the handshake, and says so only to those who listen.
    shown = tls.client_certificate is not None
    return "does it trust the hub's client certificate?" if shown else "does it want a client certificate?"


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
