"""What a Kubernetes Secret signs in with: the keys that Kubernetes itself gives its types of Secrets."""

from __future__ import annotations

from collections.abc import Mapping

from aiops.kernel.errors import Invalid
from aiops.registry.credentials import Access, Basic, Bearer, ClientCertificate, Credentials, access_of, check


def access_from_secret(values: Mapping[str, bytes]) -> Access:
    """Raises `Invalid` for a Secret that holds nothing to sign in with."""
    try:
        words = {name: value.decode().strip() for name, value in values.items()}
    except UnicodeDecodeError:
        raise Invalid("the Secret holds bytes that are no text.") from None
    credentials: Credentials
    if "token" in words:
        credentials = Bearer(words["token"])
    elif "username" in words and "password" in words:
        credentials = Basic(words["username"], words["password"])
    elif "tls.crt" in words and "tls.key" in words:
        credentials = ClientCertificate(words["tls.crt"], words["tls.key"])
    else:
        raise Invalid("the Secret has neither token, nor username and password, nor tls.crt and tls.key.")
    check(credentials)
    access = access_of(credentials)
    assert access is not None
    return access
