"""Walks the OpenAPI document: every operation becomes requests that aim at what one cluster owns."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from uuid import uuid4

JSON = dict[str, Any]
_NO_CLUSTERS = str(uuid4())


class UnknownParameter(Exception):
    """A new route's path has a parameter that `Aim.ids` must learn, or the route would go untested."""


@dataclass(frozen=True)
class Aim:
    """What to ask for: `ids` of the cluster's objects by parameter name, its name, the label value that marks it."""

    cluster_id: str
    cluster: str
    marker: str
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def secrets(self) -> list[str]:
        """What nobody out of scope may read anywhere."""
        own = [value for values in self.ids.values() for value in values]
        return sorted({self.cluster_id, self.cluster, self.marker, *own})

    def elsewhere(self) -> Aim:
        """The same aim at things that don't exist at all."""
        return Aim(str(uuid4()), "no-such-cluster", "no-such-marker", {name: [str(uuid4())] for name in self.ids})


@dataclass(frozen=True)
class Call:
    """One request; `route` is the path as the document has it."""

    method: str
    route: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: JSON | None = None

    @property
    def text(self) -> str:
        """All that the asker said, for telling an echo from a leak."""
        return json.dumps([self.path, self.query, self.body])


def operations(document: JSON) -> Iterator[tuple[str, str, JSON]]:
    """Every (method, route, operation) of the document."""
    for route, item in document["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield method.upper(), route, {**item[method], "parameters": _parameters(item, item[method], document)}


def calls(document: JSON, method: str, route: str, operation: JSON, aim: Aim) -> Iterator[Call]:
    """The requests of one operation: each filling of its path, without and with its known optional parameters."""
    names = re.findall(r"{(\w+)", route)
    parameters = operation["parameters"]
    body = _body(document, operation, aim)
    required = [(p["name"], _value(p, aim)) for p in parameters if p["in"] == "query" and p.get("required")]
    optional = [(p["name"], _known(p["name"], aim)) for p in parameters if p["in"] == "query" and not p.get("required")]
    aimed = [(name, value) for name, value in optional if value is not None]
    for filling in product(*(_fillings(route, name, aim) for name in names)):
        path = route
        for name, value in zip(names, filling, strict=True):
            path = re.sub(rf"{{{name}(:\w+)?}}", value, path)
        yield Call(method, route, path, tuple(required), body)
        if aimed and method == "GET":
            yield Call(method, route, path, (*required, *[(name, str(value)) for name, value in aimed]), body)


def _fillings(route: str, name: str, aim: Aim) -> Sequence[str]:
    if "label" in route and name in ("name", "label"):
        return ["owner"]
    known = "openapi.json" if name == "path" else _known(name, aim)
    if known is None:
        raise UnknownParameter(f"{route} takes {name!r}, which this walk was never told how to fill")
    return aim.ids.get(name) or [known]


def _known(name: str, aim: Aim) -> str | None:
    now = time.time()
    words = {
        "cluster_id": aim.cluster_id,
        "name": aim.cluster,
        "q": aim.marker,
        "cluster": aim.cluster,
        "query": f'{{owner="{aim.marker}"}}',
        "match": f'{{owner="{aim.marker}"}}',
        "match[]": f'{{owner="{aim.marker}"}}',
        "start": f"{now - 600:.0f}",
        "end": f"{now:.0f}",
        "step": "15",
        "by": "cluster",
        # What is the whole fleet's affair: anyone may read of it, so it is none of the aim's secrets.
        "team_id": _NO_CLUSTERS,
        "rule_id": _NO_CLUSTERS,
        "runbook_id": _NO_CLUSTERS,
        "replay_id": _NO_CLUSTERS,
        "alert_format": "grafana",
    }
    if aim.ids.get(name):
        return aim.ids[name][0]
    return words.get(name)


def _value(parameter: JSON, aim: Aim) -> str:
    known = _known(parameter["name"], aim)
    return known if known is not None else str(_sample(parameter.get("schema", {}), {}, aim, parameter["name"]))


def _parameters(item: JSON, operation: JSON, document: JSON) -> list[JSON]:
    listed = [*item.get("parameters", []), *operation.get("parameters", [])]
    return [_resolve(parameter, document) for parameter in listed]


def _body(document: JSON, operation: JSON, aim: Aim) -> JSON | None:
    content = operation.get("requestBody", {}).get("content", {})
    schema = next((media["schema"] for media in content.values() if "schema" in media), None)
    sample = _sample(schema, document, aim, "") if schema is not None else None
    return sample if isinstance(sample, dict) else None


def _sample(schema: JSON, document: JSON, aim: Aim, name: str) -> Any:
    """A value of this schema, aimed where its name says what it is."""
    schema = _resolve(schema, document)
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return _sample(schema[choice][0], document, aim, name)
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        wanted = {*schema.get("required", []), "cluster_id"}
        fields = {key: value for key, value in schema.get("properties", {}).items() if key in wanted}
        return {key: _sample(value, document, aim, key) for key, value in fields.items()}
    if kind == "array":
        return [_sample(schema.get("items", {}), document, aim, name)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    if name in ("cluster_id", "clusters"):
        return aim.cluster_id
    return {"prometheus_url": "http://127.0.0.1:9", "name": f"made-{uuid4().hex[:8]}"}.get(
        name, "something-long-enough"
    )


def _resolve(schema: JSON, document: JSON) -> JSON:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema
