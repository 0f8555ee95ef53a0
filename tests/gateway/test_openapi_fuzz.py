"""Requests made up by the OpenAPI document, half of them aimed at what the hub really holds.

Nothing fails inside, each reply is as the document says, each error is the envelope, and no operation goes untried:
one that never answered with success fails the test.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from unittest import SkipTest

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import UnsupportedSchema
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.walk import operations
from tests.gateway.furnished import FurnishedHub, Operation

_AIMED, _MADE_UP = 6, 3
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_ENVELOPE = ("code", "message", "service", "trace_id", "timestamp")
_MAY_BE_DOWN = {503, 504}

Case = schemathesis.Case[Any]


class Door:
    """A furnished hub, its document, and what came of asking."""

    def __init__(self, home: FurnishedHub) -> None:
        self.home = home
        self.document: dict[str, Any] = self.home.admin.get("/schema/openapi.json").json()
        self.schema = schemathesis.openapi.from_dict(self.document)
        self.statuses: dict[Operation, Counter[int]] = {}
        self.faults: dict[str, str] = {}
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, case: Case, aimed: bool, chance: random.Random) -> None:
        operation = (case.operation.method.upper(), case.operation.path)
        client = self.home.who_asks(operation)
        if aimed:
            self._aim(case, operation, chance)
        reply = self._send(str(client.base_url), client.headers["Authorization"], case)
        self.statuses.setdefault(operation, Counter())[reply.status_code] += 1
        for fault in _faults(case, reply):
            self.faults.setdefault(f"{operation} {fault[:60]}", f"{case.as_curl_command()[:600]}\n{fault}")

    def _aim(self, case: Case, operation: Operation, chance: random.Random) -> None:
        """Put what really is there in the places of made-up names; optional parameters come and go."""
        described = self.document["paths"][operation[1]][operation[0].lower()]
        parameters = described.get("parameters", [])
        for name in [p["name"] for p in parameters if p["in"] == "path"]:
            word = self.home.path_word(operation, name, chance)
            if word is not None:
                case.path_parameters = {**(case.path_parameters or {}), name: word}
        query: dict[str, Any] = {}
        for parameter in (p for p in parameters if p["in"] == "query"):
            words = self.home.words.get(parameter["name"])
            if words and (parameter.get("required") or chance.random() < 0.5):
                query[parameter["name"]] = chance.choice(words)
        case.query = query
        body = self.home.body(operation, chance)
        if body is not None:
            case.body, case.media_type = body, next(iter(described["requestBody"]["content"]))

    def _send(self, base_url: str, authorization: str, case: Case) -> requests.Response:
        said = case.as_transport_kwargs(base_url=base_url)
        said["headers"] = {**said["headers"], "Authorization": authorization}
        said.pop("cookies", None)
        try:
            return self.session.request(timeout=60, **said)
        finally:
            # Each request is a stranger's: what was set by one is not said by the next.
            self.session.cookies.clear()


@pytest.fixture
def door(furnished: FurnishedHub) -> Door:
    return Door(furnished)


def _faults(case: Case, reply: requests.Response) -> Iterator[str]:
    if reply.status_code >= 500 and reply.status_code not in _MAY_BE_DOWN:
        yield f"{reply.status_code}: {reply.text}"
    try:
        case.validate_response(reply, checks=_CHECKS)
    except FailureGroup as group:
        for failure in group.exceptions:
            if not (failure.title == "Server error" and reply.status_code in _MAY_BE_DOWN):
                yield f"{failure.title}: {failure.message}"[:1500]
    told = _is_prometheus_error(reply) if case.path.startswith("/prometheus/") else _is_envelope(reply)
    if reply.status_code >= 400 and not told:
        yield f"{reply.status_code} without the envelope: {reply.text[:300]}"


def _is_envelope(reply: requests.Response) -> bool:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = reply.json()["error"]
        return list(reply.json()) == ["error"] and all(isinstance(error[name], str) for name in _ENVELOPE)
    return False


def _is_prometheus_error(reply: requests.Response) -> bool:
    """What Prometheus' own clients read, and the data source has in place of the envelope."""
    with contextlib.suppress(ValueError, TypeError):
        return set(reply.json()) == {"status", "errorType", "error"} and reply.json()["status"] == "error"
    return False


def _explore(strategy: SearchStrategy[Case], examples: int, ask: Callable[[Case, random.Random], None]) -> None:
    """The same examples in every run; an operation that takes nothing has no wrong requests, and of some that are wrong
    schemathesis can't say what they would be."""
    bounded = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )

    def one(case: Case, seed: int) -> None:
        ask(case, random.Random(seed))

    with contextlib.suppress(SkipTest, UnsupportedSchema):
        bounded(given(strategy, st.integers(0, 2**32))(one))()


def test_every_operation_is_reached_and_each_reply_is_as_the_document_says(door: Door) -> None:
    for found in door.schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        for aimed, mode in ((True, GenerationMode.POSITIVE), *((False, mode) for mode in GenerationMode)):
            strategy = operation.as_strategy(generation_mode=mode)
            examples = _AIMED if aimed else _MADE_UP
            _explore(strategy, examples, lambda case, chance, aimed=aimed: door.ask(case, aimed, chance))  # type: ignore[misc]
    assert not door.faults, f"{len(door.faults)} faults:\n" + "\n\n".join(door.faults.values())
    known = {(method, route) for method, route, _ in operations(door.document)}
    reached = {name for name, statuses in door.statuses.items() if any(200 <= status < 300 for status in statuses)}
    assert reached == known, f"never answered with success: {sorted(known - reached)}"
    print(f"{sum(map(Counter.total, door.statuses.values()))} requests, success on {len(reached)} of {len(known)}")
