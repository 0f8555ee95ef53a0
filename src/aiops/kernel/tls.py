"""How one server is to be trusted, and how the hub shows who it is: settings, and the SSL context made of them."""

from __future__ import annotations

import os
import ssl
from collections import OrderedDict

import msgspec

from aiops.kernel.errors import Invalid


class Tls(msgspec.Struct, frozen=True):
    """`ca_bundle` replaces the machine's own authorities; `client_key` is a secret: never log or show it."""

    ca_bundle: str | None = None
    skip_verify: bool = False
    server_name: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    def __repr__(self) -> str:
        shown = "***" if self.client_key else None
        return (
            f"Tls(ca_bundle={'…' if self.ca_bundle else None}, skip_verify={self.skip_verify},"
            f" server_name={self.server_name!r}, client_certificate={'…' if self.client_certificate else None},"
            f" client_key={shown})"
        )


PLAIN = Tls()


class Contexts:
    """One SSL context for each distinct setting, the most recently used ones kept."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._made: OrderedDict[Tls, ssl.SSLContext] = OrderedDict()

    def get(self, tls: Tls) -> ssl.SSLContext:
        """Raises `Invalid` for certificates or a key that can't be used."""
        # The name is given at each connection; it makes no other context.
        tls = msgspec.structs.replace(tls, server_name=None)
        context = self._made.get(tls)
        if context is None:
            context = self._made[tls] = context_of(tls)
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        self._made.move_to_end(tls)
        return context

    def __len__(self) -> int:
        return len(self._made)


def context_of(tls: Tls) -> ssl.SSLContext:
    """Raises `Invalid` for certificates or a key that can't be used."""
    try:
        context = ssl.create_default_context(cadata=tls.ca_bundle)
    except (ssl.SSLError, ValueError, TypeError):
        raise Invalid("The CA bundle holds no certificate in PEM form.", details={"field": "tls.ca_bundle"}) from None
    # Private authorities often lack what the strict rules of Python 3.13 ask for; and what somebody put into the
    # bundle on purpose is trusted, also where it is no root.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if tls.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.client_certificate is not None:
        _show(context, tls.client_certificate, tls.client_key or "")
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # OpenSSL reads a chain from files only; this one lives in memory, so that no key ever lies on a disk.
    descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{certificate.strip()}\n{key.strip()}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_password)
    except (ssl.SSLError, OSError, ValueError):
        raise Invalid(
            "The client certificate and its key don't fit together, or are not in PEM form without a password.",
            details={"field": "client_certificate"},
        ) from None
    finally:
        os.close(descriptor)


def _no_password() -> str:
    # Without this, OpenSSL would ask for one on the terminal.
    raise ValueError("The key has a password.")
