"""The OpenAPI document, and a page to read it that needs no script from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from litestar import Litestar, MediaType, Request, Response, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from aiops.gateway.http.errors import ErrorEnvelope
from aiops.kernel.errors import NotFound
from aiops.kernel.http import ERROR_FORM

_ERRORS = {
    400: "The request can't be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not there, or out of scope",
    409: "Clashes with what is there",
    413: "Too large",
    415: "Not JSON",
    422: "A value is wrong",
    429: "Too many requests",
    500: "Something failed inside the hub",
    503: "A part is down",
    504: "A part did not answer in time",
}


def config(version: str) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="AIOps NextGen",
        version=version,
        description="A fleet of clusters watched as one. Every error comes in the same envelope.",
        openapi_router=Router(
            path="/schema", route_handlers=[], opt={"public": True}, after_request=_own_error, include_in_schema=False
        ),
        render_plugins=[ReadingPage(), JsonRenderPlugin(path="/openapi.json")],
        security=[{"bearer": []}],
        components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
    )


def _own_error(response: Response[Any]) -> Response[Any]:
    """Litestar answers an unknown path here with a page of its own; ours is the envelope, as everywhere."""
    if response.status_code == 404:
        raise NotFound("There is nothing at this path: see /schema and /schema/openapi.json.")
    return response


def document_errors(app: Litestar) -> None:
    """Tell the form of each error, the envelope as a rule; Litestar's own shape of a 400 is never sent."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and handler.include_in_schema is not False:
                form = handler.opt.get(ERROR_FORM, ErrorEnvelope)
                stated = {
                    status: ResponseSpec(form, description=meaning, generate_examples=False)
                    for status, meaning in _ERRORS.items()
                }
                handler.responses = {**stated, **(handler.responses or {})}


class ReadingPage(OpenAPIRenderPlugin):
    """Every operation with its parameters, as one plain page."""

    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        body = "".join(_operation(*operation) for operation in _operations(openapi_schema))
        return _PAGE.format(title=escape(openapi_schema["info"]["title"]), body=body).encode()


def _operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    methods = {"get", "post", "put", "patch", "delete"}
    return [
        (path, method, operation)
        for path, item in sorted(schema["paths"].items())
        for method, operation in item.items()
        if method in methods
    ]


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{'required' if p.get('required') else ''}</td><td>{escape(p.get('description') or '')}</td></tr>"
        for p in operation.get("parameters", ())
    )
    table = f"<table><tr><th>parameter</th><th>in</th><th></th><th></th></tr>{rows}</table>" if rows else ""
    body = _body_name(operation)
    takes = f"<p>Body: <code>{escape(body)}</code></p>" if body else ""
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f"{escape(operation.get('summary') or '')}</summary>"
        f"<p>{escape(operation.get('description') or '')}</p>{takes}{table}</details>"
    )


def _body_name(operation: dict[str, Any]) -> str | None:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        reference = media.get("schema", {}).get("$ref", "")
        return str(reference.rsplit("/", 1)[-1]) or None
    return None


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} API</title>
<meta name="viewport" content="width=device-width"><style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
summary {{ padding: .3rem 0; cursor: pointer }} details {{ border-bottom: 1px solid #8884 }}
td, th {{ text-align: left; padding: .1rem 1rem .1rem 0 }}</style>
<h1>{title} API</h1><p>The whole document: <a href="/schema/openapi.json">/schema/openapi.json</a>.
Sign in with <code>POST /api/v1/auth/login</code>, then send <code>Authorization: Bearer TOKEN</code>.</p>
{body}</html>"""
