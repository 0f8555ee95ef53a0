"""As much of a Prometheus as is needed, and what is asked of the hub itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = b'["east", "west"]' if "/label/" in self.path else b'{"resultType": "scalar", "result": [1, "1"]}'
        body = b'{"status": "success", "data": ' + data + b"}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return None


@contextmanager
def answering() -> Iterator[str]:
    """As much of a Prometheus as a probe, and an import, ask for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def questions() -> dict[str, list[str]]:
    now = time.time()
    return {
        "query": [
            *("up_marked", "aiops:watch:value", 'sum by (owner) (up_marked{owner=~".+"})', "1 + 1"),
            *('{owner="furnished"}', 'sum(count_over_time({owner="furnished"}[5m]))'),
        ],
        "q": ['{ name = "call furnished" }', "{ }"],
        "match": ["up_marked", '{owner="furnished"}'],
        "match[]": ["up_marked", '{owner="furnished"}'],
        "time": [f"{now:.0f}", "2026-01-31T12:00:00Z"],
        "start": [f"{now - 600:.0f}", "2026-01-31T12:00:00Z"],
        "end": [f"{now:.0f}"],
        "step": ["15", "1m", "1d"],
        "timeout": ["5"],
        "page_size": ["1", "100"],
    }
