"""Requests made up by the OpenAPI document: nothing fails inside, and each error is the envelope."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest import SkipTest

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode

from tests.e2e.walk import operations
from tests.lab.hub import Hub, add_source

# Each would end the session that the walk runs in; tests/gateway/test_sign_in.py covers them.
ENDS_THE_SESSION = {("POST", "/api/v1/auth/logout"), ("POST", "/api/v1/auth/password")}
_EXAMPLES = 25


class Door:
    """A hub, its document, and who is asked as: a source where the route takes only sources, else the admin."""

    def __init__(self, stack: ExitStack) -> None:
        hub = stack.enter_context(Hub())
        self.admin = stack.enter_context(hub.client())
        cluster = self.admin.post("/api/v1/clusters", json={"name": "fuzzed", "platform": "HOST"}).json()
        token = add_source(self.admin, "fuzzer", cluster["id"])["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        self.source = stack.enter_context(httpx.Client(base_url=hub.url, headers=bearer, timeout=60, trust_env=False))
        self.document: dict[str, Any] = self.admin.get("/schema/openapi.json").json()
        self.schema = schemathesis.openapi.from_dict(self.document)

    def who_asks(self, route: str) -> httpx.Client:
        return self.source if route in ("/api/metrics", "/api/v1/alerts/webhook") else self.admin


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with ExitStack() as stack:
        yield Door(stack)


def _fault(reply: requests.Response) -> str | None:
    if reply.status_code < 400:
        return None
    if reply.status_code in (500, 502):
        return f"500: {reply.text}"
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = reply.json()["error"]
        if all(isinstance(error[name], str) for name in ("code", "message", "service", "trace_id", "timestamp")):
            return None
    return f"{reply.status_code} without the envelope: {reply.text[:300]}"


def _ask(client: httpx.Client, case: schemathesis.Case[Any]) -> requests.Response:
    said = case.as_transport_kwargs(base_url=str(client.base_url))
    said["headers"] = {**said["headers"], "Authorization": client.headers["Authorization"]}
    said.pop("cookies", None)
    with requests.Session() as session:
        session.trust_env = False
        return session.request(timeout=60, **said)


def _explore(strategy: SearchStrategy[schemathesis.Case[Any]], ask: Callable[[schemathesis.Case[Any]], None]) -> None:
    """The same examples in every run; an operation that takes nothing has no wrong requests."""
    bounded = settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )

    def one(case: schemathesis.Case[Any]) -> None:
        ask(case)

    with contextlib.suppress(SkipTest):
        bounded(given(strategy)(one))()


def test_no_generated_request_fails_inside_and_every_error_is_the_envelope(door: Door) -> None:
    asked: set[tuple[str, str]] = set()
    faults: dict[str, str] = {}

    def ask(case: schemathesis.Case[Any]) -> None:
        name = (case.operation.method.upper(), case.operation.path)
        fault = _fault(_ask(door.who_asks(case.operation.path), case))
        asked.add(name)
        if fault:
            faults.setdefault(f"{name} {fault[:40]}", f"{case.as_curl_command()[:600]}\n{fault}")

    for found in door.schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        if (operation.method.upper(), operation.path) in ENDS_THE_SESSION:
            continue
        for mode in GenerationMode:
            _explore(operation.as_strategy(generation_mode=mode), ask)
    assert not faults, "\n".join(faults.values())
    assert {(method, route) for method, route, _ in operations(door.document)} - asked == ENDS_THE_SESSION
