"""The built console: its files, and its first page for every path of its own."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

FOLDER = Path(__file__).resolve().parents[1] / "console"
_NOT_PAGES = ("api/", "health", "ready", "metrics/", "schema", "ws", "assets/", "internal/")
_NOT_BUILT = "The console has not been built: run `make web`, then reload. The API answers under /api/v1.\n"
_CSP = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:;"
    " frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)


@get(["/", "/{path:path}"], opt={"public": True}, include_in_schema=False)
async def console(path: FromPath[str] = "") -> Response[bytes]:
    """A file of the console, or its first page, from which the browser goes on by itself."""
    return await asyncio.to_thread(_find, path)


def _find(path: str) -> Response[bytes]:
    wanted = path.lstrip("/")
    file = _file(wanted)
    if file is not None:
        media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Response(file.read_bytes(), media_type=media_type, headers={"Cache-Control": _lifetime(wanted)})
    if wanted.startswith(_NOT_PAGES):
        raise NotFoundException
    first = FOLDER / "index.html"
    if not first.is_file():
        return Response(_NOT_BUILT.encode(), status_code=503, media_type="text/plain")
    return Response(
        first.read_bytes(),
        media_type="text/html",
        headers={"Cache-Control": "no-cache", "Content-Security-Policy": _CSP},
    )


def _file(wanted: str) -> Path | None:
    """The file of the console at this path; a name that no file can have is none."""
    try:
        file = (FOLDER / wanted).resolve()
        return file if wanted and file.is_relative_to(FOLDER) and file.is_file() else None
    except (OSError, ValueError):
        return None


def _lifetime(path: FromPath[str]) -> str:
    # Files under assets/ carry their content's hash in their name.
    return "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
