"""What no generator thinks of: bytes that are no text, numbers that are none, ends before starts, brackets by the
thousand. Each is answered in time and by a refusal in the envelope, or served; nothing fails inside, and the hub lives.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.gateway.furnished import FurnishedHub

JSON_TYPE = {"Content-Type": "application/json"}
TEXTS = {
    ("POST", "/api/v1/clusters"): ["name", "display_name", "region", "prometheus_url", "bearer_token"],
    ("PATCH", "/api/v1/clusters/{cluster_id}"): ["name", "display_name", "region", "prometheus_url"],
    ("POST", "/api/v1/clusters/test-connection"): ["prometheus_url", "bearer_token"],
    ("POST", "/api/v1/sources"): ["name", "cluster_id"],
    ("POST", "/api/v1/users"): ["username", "password"],
    ("POST", "/api/v1/auth/login"): ["username", "password"],
    ("POST", "/api/v1/metrics/query"): ["query", "time"],
    ("POST", "/api/v1/metrics/query_range"): ["query", "start", "step"],
}
WRONG_TEXTS = {
    "a zero byte": b"\\u0000",
    "half a surrogate": b"\\ud800",
    "no UTF-8": b"\xff",
    "a surrogate in UTF-8": b"\xed\xa0\x80",
    "a whole book": b"x" * 300_000,
}
NO_SAMPLES = {
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "a number past all floats": b"1e999",
    "400 digits": b"9" * 400,
    "null": b"null",
    "a text": b'"NaN"',
    "nothing": b"",
}
LISTS = (
    "/api/v1/alerts",
    "/api/v1/alerts/history",
    "/api/v1/anomalies",
    "/api/v1/clusters",
    "/api/v1/clusters/{cluster_id}/history",
    "/api/v1/incidents",
)
WRONG_MOMENTS = (
    "NaN",
    "inf",
    "1e400",
    "-1e18",
    "x",
    "%00",
    "%FF",
    "9999-12-31T23:59:59-23:59",
    "10000-01-01T00:00:00Z",
)
FAR_MOMENTS = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0", "253402300799", "-62135596800")
WRONG_PROMQL = {
    "open brackets": "(" * 19_999,
    "a thousand brackets": "(" * 1000 + "1" + ")" * 1000,
    "minus, minus": "-" * 19_000 + "1",
    "a sum of sums": "sum(" * 4000 + "up" + ")" * 4000,
    "no end of summands": "+".join(["1"] * 9999),
    "a moment past the calendar": "up @ 1e300",
    "a moment before it": "up @ -1e300",
    "a range without end": "up[99999999999999999999y]",
    "an expression of brackets": 'up{a=~"' + "(" * 5000 + '"}',
    "an expression that multiplies": '{a=~"((a{1000}){1000}){1000}"}',
    "nothing": "",
    "a book": "u" * 20_001,
}


@pytest.fixture
def path_of(furnished: FurnishedHub) -> Any:
    return lambda path: path.replace("{cluster_id}", furnished.pushed["id"])


def _refused(reply: httpx.Response, *statuses: int) -> None:
    assert reply.status_code in (statuses or (400, 422)), f"{reply.status_code}: {reply.text[:300]}"
    error = reply.json()["error"]
    assert {"code", "message", "service", "trace_id", "timestamp"} <= set(error), error


def _well(reply: httpx.Response) -> None:
    """Served, or refused in the envelope."""
    if reply.status_code >= 400:
        _refused(reply, 400, 401, 404, 409, 413, 414, 415, 422, 429)


@pytest.mark.parametrize("wrong", WRONG_TEXTS.values(), ids=WRONG_TEXTS)
@pytest.mark.parametrize("operation", TEXTS, ids=" ".join)
def test_no_text_breaks_an_operation(
    furnished: FurnishedHub, path_of: Any, operation: tuple[str, str], wrong: bytes
) -> None:
    taken: dict[str, Any] = {
        "/api/v1/clusters": {"name": "hostile", "platform": "HOST"},
        "/api/v1/sources": {"name": "hostile", "cluster_id": furnished.pushed["id"]},
        "/api/v1/users": {"username": "hostile", "password": "short", "role": "viewer"},
        "/api/v1/metrics/query": {"query": "up_marked"},
        "/api/v1/metrics/query_range": {"query": "up_marked", "start": 1, "end": 2, "step": 1},
        "/api/v1/auth/login": {"username": "hostile", "password": "x"},
    }.get(operation[1], {})
    for field in TEXTS[operation]:
        body = json.dumps({**taken, field: "HERE"}).encode().replace(b"HERE", wrong)
        _well(furnished.admin.request(operation[0], path_of(operation[1]), content=body, headers=JSON_TYPE))


@pytest.mark.parametrize("operation", [*TEXTS, ("POST", "/api/metrics"), ("POST", "/api/v1/alerts/webhook")])
def test_no_body_that_is_not_json_gets_in(furnished: FurnishedHub, path_of: Any, operation: tuple[str, str]) -> None:
    client = furnished.who_asks(operation)
    bodies = (b"[" * 200_000, b'{"a":' * 200_000, b"", b"null", b"{", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"NaN")
    for body in bodies:
        _refused(client.request(operation[0], path_of(operation[1]), content=body, headers=JSON_TYPE))
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "json"):
        reply = client.request(operation[0], path_of(operation[1]), content=b"{}", headers={"Content-Type": kind})
        _refused(reply, 415)


@pytest.mark.parametrize("operation", [*TEXTS, ("POST", "/api/metrics"), ("POST", "/api/v1/alerts/webhook")])
def test_more_than_ten_megabytes_are_refused_with_and_without_a_stated_length(
    furnished: FurnishedHub, path_of: Any, operation: tuple[str, str]
) -> None:
    client, path = furnished.who_asks(operation), path_of(operation[1])
    large = b'{"a": "' + b" " * (10 * 1024 * 1024) + b'"}'

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(large), 1024 * 1024):
            yield large[start : start + 1024 * 1024]

    _refused(client.request(operation[0], path, content=large, headers=JSON_TYPE), 413)
    _refused(client.request(operation[0], path, content=pieces(), headers=JSON_TYPE), 413)


@pytest.mark.parametrize("value", NO_SAMPLES.values(), ids=NO_SAMPLES)
def test_a_value_that_is_no_number_refuses_the_whole_batch(furnished: FurnishedHub, value: bytes) -> None:
    """JSON has no NaN, and null is no value: what is unknown is left out, and a series that ends just ends."""
    batch = b'{"metrics":[{"name":"not_a_number","value":1},{"name":"not_a_number","value":' + value + b"}]}"
    _refused(furnished.source.post("/api/metrics", content=batch, headers=JSON_TYPE), 422)
    kept = furnished.admin.get("/api/v1/metrics/series", params={"match": "not_a_number"}).json()
    assert kept["series"] == []


@pytest.mark.parametrize(
    "metric",
    [
        b'{"name":"\xff","value":1}',
        b'{"name":"a","value":1,"labels":{"x":"\xff"}}',
        b'{"name":"a","value":1,"labels":{"x":"\\u0000"}}',
        b'{"name":"a","value":1,"labels":{"x":"\\ud800"}}',
        b'{"name":"a","value":1,"labels":' + b'{"x":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b'{"name":"a","value":1,"labels":{"x":1}}',
        b'{"name":"a","value":1,"labels":null}',
        b'{"name":"a","value":1,"timestamp":1e300}',
        b'{"name":"a","value":1,"timestamp":-1e300}',
        b'{"name":"a","value":1,"timestamp":NaN}',
        b'{"name":"a b","value":1}',
        b'{"name":"","value":1}',
    ],
)
def test_a_sample_that_nobody_could_read_refuses_the_batch(furnished: FurnishedHub, metric: bytes) -> None:
    batch = b'{"metrics":[' + metric + b"]}"
    _refused(furnished.source.post("/api/metrics", content=batch, headers=JSON_TYPE), 422)


@pytest.mark.parametrize("field", ["startsAt", "endsAt"])
@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "2026-13-01T00:00:00Z", "x"])
def test_an_alert_outside_of_the_calendar_is_refused(furnished: FurnishedHub, field: str, moment: str) -> None:
    alert = {"labels": {"alertname": "Far"}, "startsAt": "2026-01-01T00:00:00Z", "status": "resolved", field: moment}
    _refused(furnished.source.post("/api/v1/alerts/webhook", json={"alerts": [alert]}))


@pytest.mark.parametrize("path", LISTS)
def test_no_page_cursor_or_filter_breaks_a_list(furnished: FurnishedHub, path_of: Any, path: str) -> None:
    for size in ("0", "-1", "101", "99999999999999999999", "NaN", "1.5", "", "x"):
        _refused(furnished.admin.get(path_of(path), params={"page_size": size}), 422)
    _well(furnished.admin.get(f"{path_of(path)}?page_size=1&page_size=2"))
    foreign = [base64.urlsafe_b64encode(text).decode() for text in (b"null", b'["x"]', b"\xff", b"[" * 300)]
    for cursor in ("%00", "%FF", "%ED%A0%80", "AAAA", "%F0%9F%98%80", "x" * 600, *foreign):
        _well(furnished.admin.get(f"{path_of(path)}?cursor={cursor}"))
    for name in ("q", "name", "region", "watch", "fingerprint", "start", "end", "severity", "state", "status"):
        for word in ("%00", "%FF", "%ED%A0%80", "%25_%5C'", "x" * 5000, *WRONG_MOMENTS, *FAR_MOMENTS):
            _well(furnished.admin.get(f"{path_of(path)}?{name}={word}"))
    many = "&".join(f"cluster_id={furnished.pushed['id']}" for _ in range(1000))
    _well(furnished.admin.get(f"{path_of(path)}?{many}"))


@pytest.mark.parametrize("path", LISTS)
def test_the_cursor_of_one_list_does_not_break_another(furnished: FurnishedHub, path_of: Any, path: str) -> None:
    for other in LISTS:
        cursor = furnished.admin.get(path_of(other), params={"page_size": 1}).json()["next_cursor"]
        if cursor is not None:
            _well(furnished.admin.get(path_of(path), params={"cursor": cursor}))


def test_moments_and_steps_that_cannot_be_are_refused(furnished: FurnishedHub) -> None:
    query = f"/api/v1/metrics/query?query=up_marked&cluster_id={furnished.pushed['id']}"
    over = query.replace("query?", "query_range?")
    for moment in WRONG_MOMENTS:
        _refused(furnished.admin.get(f"{query}&time={moment}"), 422)
        _refused(furnished.admin.get(f"{over}&start={moment}&end=1&step=1"), 422)
    for moment in FAR_MOMENTS:
        assert furnished.admin.get(f"{query}&time={moment}").json()["series"] == []
        rate = query.replace("up_marked", "rate(up_marked[5m] offset 1d)")
        assert furnished.admin.get(f"{rate}&time={moment}").status_code == 200
        assert furnished.admin.get(f"{over}&start={moment}&end={moment}&step=15").status_code == 200
    for step in ("0", "-1", "NaN", "inf", "1e-9", "1e300", "0s", "-5s", "99999999999999999999y", "", "x"):
        _refused(furnished.admin.get(f"{over}&start=1&end=2&step={step}"), 422)
    for span in ("start=5&end=2&step=1", "start=0&end=1e9&step=1", "start=-62135596800&end=253402300799&step=15"):
        _refused(furnished.admin.get(f"{over}&{span}"), 422)
    for timeout in ("0", "-1", "NaN", "inf", "1e9", "x"):
        _refused(furnished.admin.get(f"{query}&timeout={timeout}"), 422)
    twice = furnished.admin.get(f"{query}&cluster_id={furnished.pushed['id']}").json()
    assert len(twice["clusters"]) == 1


@pytest.mark.parametrize("promql", WRONG_PROMQL.values(), ids=WRONG_PROMQL)
def test_no_query_keeps_the_hub_busy(furnished: FurnishedHub, promql: str) -> None:
    body = {"query": promql, "cluster_id": [furnished.pushed["id"]]}
    _refused(furnished.admin.post("/api/v1/metrics/query", json=body, timeout=5), 422)
    over = {**body, "start": 1, "end": 100, "step": 1}
    _refused(furnished.admin.post("/api/v1/metrics/query_range", json=over, timeout=5), 422)
    _refused(furnished.admin.get("/api/v1/metrics/series", params={"match": promql}, timeout=5), 422)


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/assets/%00",
        "/assets/..%2f..%2f..%2fetc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/assets/" + "x" * 5000,
        "/api/%00",
        "/api/v1/clusters/" + "0" * 5000,
        "/api/v1/clusters/by-name/%00",
        "/api/v1/clusters/by-name/%ED%A0%80",
        "/api/v1/metrics/label/%FF/values",
        "/api/v1/alerts/%00?cluster_id=x",
        "/schema/%00",
    ],
)
def test_no_path_breaks_the_hub_or_leaves_the_console(furnished: FurnishedHub, path: str) -> None:
    reply = furnished.admin.get(path)
    assert "root:" not in reply.text
    if path.startswith("/api") or reply.status_code not in (200, 503):
        _refused(reply, 404, 422)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", b"Bearer \xff\xfe"),
        ("Authorization", b"Bearer " + b"x" * 60_000),
        ("Authorization", b"Basic eDp4"),
        ("Cookie", b'a="\xff; ; ;=;aiops_session=\xff'),
        ("Cookie", b"aiops_session=aiops_ses_"),
        ("Origin", b"http://[::1"),
        ("Host", b"[::"),
        ("traceparent", b"00-" + b"0" * 5000),
        ("Accept", b"\xff"),
        ("Transfer-Encoding", b"chunked, chunked"),
    ],
)
def test_no_header_breaks_the_hub(furnished: FurnishedHub, name: str, value: bytes) -> None:
    """Sent as they are, past the checks of a client that means well."""
    at = urlsplit(furnished.hub.url)
    for method, path, body in (("GET", "/api/v1/clusters", b""), ("POST", "/api/v1/auth/login", b'{"username":"x"}')):
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
        connection.putrequest(method, path, skip_host=name == "Host")
        connection.putheader(name, value)
        connection.putheader("Content-Type", "application/json")
        if name != "Transfer-Encoding":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body if name != "Transfer-Encoding" else b"0\r\n\r\n")
        assert 400 <= connection.getresponse().status < 500
        connection.close()


def test_after_all_that_the_hub_is_well_and_its_log_has_no_failure(furnished: FurnishedHub) -> None:
    assert furnished.admin.get("/health/detailed").json()["status"] == "ok"
    failed = [line for line in furnished.hub.log.splitlines() if '"level":"error"' in line]
    assert not failed, failed[:3]
