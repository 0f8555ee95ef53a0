"""The contexts of a kubeconfig as clusters to add, with what each signs in with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiops.kernel.errors import Invalid
from aiops.registry.credentials import claims_of
from aiops.registry.discovery.kubeconfig import KubeContext, contexts_of_files


def candidates(path: Path | None, wanted: Sequence[str] | None) -> list[tuple[dict[str, Any], str | None]]:
    """Bodies for the hub, each with the reason why it can't be added, where there is one."""
    paths = [path] if path is not None else _usual()
    found = contexts_of_files(paths)
    unknown = set(wanted or ()) - {one.context for one in found}
    if unknown:
        raise Invalid(f"There is no context {min(unknown)}. There are: {', '.join(one.context for one in found)}.")
    return [(_body(one), one.problem) for one in found if not wanted or one.context in wanted]


def _usual() -> list[Path]:
    named = os.environ.get("KUBECONFIG", "")
    return [Path(one) for one in named.split(os.pathsep) if one] or [Path.home() / ".kube" / "config"]


def _body(one: KubeContext) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": one.name,
        "platform": "KUBERNETES",
        "api_server_url": one.server,
        "tls": {
            "ca_bundle": one.tls.ca_bundle,
            "skip_verify": one.tls.skip_verify,
            "server_name": one.tls.server_name,
        },
        "proxy_url": one.proxy_url,
    }
    credentials = _credentials(one)
    return body if credentials is None else body | {"credentials": credentials}


def _credentials(one: KubeContext) -> dict[str, Any] | None:
    if one.token is not None:
        of_account = str(claims_of(one.token).get("sub", "")).startswith("system:serviceaccount:")
        return {"kind": "SERVICE_ACCOUNT" if of_account else "BEARER", "token": one.token}
    if one.tls.client_certificate is not None:
        certificate, key = one.tls.client_certificate, one.tls.client_key
        return {"kind": "CLIENT_CERTIFICATE", "certificate": certificate, "key": key}
    if one.username is not None:
        return {"kind": "BASIC", "username": one.username, "password": one.password}
    return None
