"""A hub with one of everything, and what a request needs to reach it: real ids, real tokens, bodies that are taken."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.e2e.rig import items, wait_until
from tests.gateway import works
from tests.gateway.peers import GPU_NODE, MonitoringPeer
from tests.gateway.seeds import (
    TRACE_ID,
    fire_alert,
    keep_anomaly,
    keep_cause,
    keep_finding,
    keep_incident,
    keep_log_pattern,
    keep_prediction,
    keep_reminder,
    keep_topology,
    push_sample,
    signals,
)
from tests.lab.hub import ADMIN_PASSWORD, Hub, add_source, add_user, sign_in

JSON = dict[str, Any]
Operation = tuple[str, str]
MARKER = "furnished"
NOWHERE = "http://127.0.0.1:9"
_PASSWORDS = ("second-password-2", "third-password-3")


class FurnishedHub:
    """One cluster of each kind, a source, a user, an alert, an anomaly and an incident; `words` are their names."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._count = itertools.count()
        self.hub = stack.enter_context(Hub())
        self.admin = stack.enter_context(self.hub.client())
        self.pushed = self._cluster({"platform": "HOST"})
        self.dead = self._cluster({"prometheus_url": NOWHERE})
        self.answering = stack.enter_context(_answering())
        loki, tempo = (stack.enter_context(peer) for peer in signals(MARKER))
        self.alive = self._cluster({"prometheus_url": self.answering, "loki_url": loki.url, "tempo_url": tempo.url})
        self.monitored = stack.enter_context(MonitoringPeer())
        ways = {"prometheus_url": self.monitored.url, "alertmanager_url": self.monitored.url}
        self.equipped = self._cluster(ways)
        token = add_source(self.admin, "the-source", self.pushed["id"])["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        url = self.hub.url
        self.source = stack.enter_context(httpx.Client(base_url=url, headers=bearer, timeout=60, trust_env=False))
        push_sample(url, token, MARKER)
        fire_alert(url, token, "Furnished", {"owner": MARKER}, MARKER)
        wait_until(lambda: items(self.admin, "/api/v1/incidents"), "the incident of the alert")
        incident = keep_incident(self.hub, self.pushed["id"], MARKER)
        anomaly = keep_anomaly(self.hub, self.pushed["id"], incident, MARKER)
        keep_finding(self.hub, self.pushed["id"], incident, MARKER)
        self._leaver = stack.enter_context(add_user(url, self.admin, "leaver", "viewer", []))
        self._leaver_password = _PASSWORDS[0]
        self.teller = self._change_source()
        told = {"Authorization": f"Bearer {self.teller['token']}"}
        self.pipeline = stack.enter_context(httpx.Client(base_url=url, headers=told, timeout=60, trust_env=False))
        self._makers: dict[str, Callable[[], str]] = {
            "cluster_id": lambda: str(self._cluster({"platform": "HOST"})["id"]),
            "source_id": lambda: str(add_source(self.admin, self._name("source"), self.pushed["id"])["id"]),
            "change_source_id": lambda: str(self._change_source()["id"]),
            "window_id": self._window,
            "dashboard_id": self._dashboard,
            "replay_id": self._replay,
            "intake_rule_id": self._intake_rule,
            "filter_id": self._filter,
            "team_id": self._team,
            "runbook_id": self._runbook,
            "rule_id": self._rule,
            "watch": self._watch,
        }
        self.words: dict[str, list[str]] = {
            "cluster_id": [self.pushed["id"], self.dead["id"], self.alive["id"]],
            "incident_id": [incident],
            "anomaly_id": [anomaly],
            "pattern_id": [keep_log_pattern(self.hub, self.pushed["id"], MARKER)],
            "forecast_id": [keep_prediction(self.hub, self.pushed["id"], MARKER)],
            "group_id": [item["id"] for item in items(self.admin, "/api/v1/anomaly-groups")],
            "fingerprint": [MARKER],
            "alert": [f"{self.pushed['id']}/{MARKER}"],
            "change_id": [self._change()],
            "change_source_id": [str(self.teller["id"])],
            "window_id": [self._window()],
            "reminder_id": [keep_reminder(self.hub, self.pushed["id"], MARKER)],
            "dashboard_id": [self._dashboard()],
            "replay_id": [self._replay()],
            "trace_id": [TRACE_ID],
            "watch": ["node_cpu", self._watch()],
            "intake_rule_id": [self._intake_rule()],
            "alert_format": ["grafana", "pagerduty", "json"],
            "cluster": [self.equipped["id"], self.equipped["name"]],
            "node": [GPU_NODE],
            "node_id": [keep_topology(self.admin, self.pushed["name"], MARKER)],
            "file": [f"file-{MARKER}", "none"],
            "silence_id": [MonitoringPeer.silence_id],
            "path": ["openapi.json"],
            **_questions(),
        }
        self.words["filter_id"] = [self._filter()]
        self.words["team_id"] = [self._team()]
        self.words["rule_id"] = [self._rule()]
        self.words["runbook_id"] = [self._runbook()]
        self.words["incident_id"].append(self._incident())

    def _cluster(self, how: JSON) -> JSON:
        made: JSON = self.admin.post("/api/v1/clusters", json={"name": self._name("c"), **how}).json()
        return made

    def _dashboard(self) -> str:
        made = self.admin.post("/api/v1/dashboards", json=self.new_dashboard(random.Random()))
        return str(made.json()["id"])

    def _filter(self) -> str:
        return str(self.admin.post("/api/v1/alert-filters", json=self.new_filter(random.Random())).json()["id"])

    def _change(self) -> str:
        return str(self.admin.post("/api/v1/changes", json=self.new_change(random.Random())).json()["id"])

    def _change_source(self) -> JSON:
        body = {"name": self._name("t"), "kind": "GENERIC", "cluster_id": self.pushed["id"]}
        made: JSON = self.admin.post("/api/v1/change-sources", json=body).json()
        return made

    def _replay(self) -> str:
        """Of a cluster that does not answer: it ends at once, and says so."""
        made = self.admin.post("/api/v1/replays", json=self.new_replay(random.Random())).json()
        return str(
            wait_until(
                lambda: self.admin.get(f"/api/v1/replays/{made['id']}").json()["replay"]["status"] == "DONE" and made,
                "the end of the replay",
            )["id"]
        )

    def _team(self) -> str:
        return str(self.admin.post("/api/v1/teams", json=self.new_team(random.Random())).json()["id"])

    def _rule(self) -> str:
        made = self.admin.post("/api/v1/correlation-rules", json=self.new_correlation_rule(random.Random()))
        return str(made.json()["id"])

    def _runbook(self) -> str:
        return str(self.admin.post("/api/v1/runbooks", json=self.new_runbook(random.Random())).json()["id"])

    def new_runbook(self, chance: random.Random) -> JSON:
        matchers = chance.choice([[], [{"alertname": "Made"}, {"service": "cart*"}]])
        return {"title": self._name("r"), "markdown": "# Look\n\n1. at it", "matchers": matchers, "owner": "ann"}

    def _incident(self) -> str:
        made = self.admin.post("/api/v1/incidents", json=self.new_incident(random.Random()))
        return str(made.json()["id"])

    def _window(self) -> str:
        body = {**self.new_window(random.Random()), "rrule": "FREQ=DAILY"}
        return str(self.admin.post("/api/v1/maintenance", json=body).json()["id"])

    def _watch(self) -> str:
        return str(self.admin.post("/api/v1/watches", json=self.new_watch(random.Random())).json()["name"])

    def _intake_rule(self) -> str:
        return str(self.admin.post("/api/v1/alert-intake-rules", json=self.new_rule(random.Random())).json()["id"])

    def new_rule(self, chance: random.Random) -> JSON:
        table = {"csv": "pod,owner\na,b\n", "match": ["pod"]}
        parts: list[JSON] = [{"mapping": table}, {"extraction": {"name": "pod", "pattern": "(?P<service>[a-z]+)"}}]
        return {"name": self._name("r"), "cluster_ids": [self.pushed["id"]], **chance.choice(parts)}

    def changed_rule(self, chance: random.Random) -> JSON:
        kept = items(self.admin, "/api/v1/alert-intake-rules")
        mine = next(one for one in kept if one["id"] == self.words["intake_rule_id"][0])
        return {**self.new_rule(chance), "revision": mine["revision"]}

    def _name(self, kind: str) -> str:
        return f"{kind}-made-{next(self._count)}"

    def who_asks(self, operation: Operation) -> httpx.Client:
        """A source where the route takes only sources; for what ends a session, a user with one of their own."""
        if operation[1] == "/api/metrics" or operation[1].startswith("/api/v1/alerts/webhook"):
            return self.source
        if operation[1].startswith("/webhooks/changes/"):
            return self.pipeline
        if operation[1] in ("/api/v1/auth/logout", "/api/v1/auth/password"):
            self._leave_anew()
            return self._leaver
        return self.admin

    def _leave_anew(self) -> None:
        if self._leaver.get("/api/v1/auth/me").status_code != 200:
            for password in _PASSWORDS:
                with httpx.Client(base_url=self.hub.url, timeout=60, trust_env=False) as client:
                    body = {"username": "leaver", "password": password}
                    reply = client.post("/api/v1/auth/login", json=body)
                if reply.status_code == 200:
                    self._leaver = self._stack.enter_context(sign_in(self.hub.url, "leaver", password))
                    self._leaver_password = password
                    return

    def path_word(self, operation: Operation, name: str, chance: random.Random) -> str | None:
        """Something real for this place in a path; what gets deleted is made for it."""
        method, route = operation
        if "/silences" in route and name == "cluster_id":
            return str(self.equipped["id"])
        if method == "DELETE" and name in self._makers:
            return self._makers[name]()
        if method == "DELETE" and name == "file":
            self.admin.post(
                "/api/v1/topology/apply", json={**self.topology_file(chance), "name": "gone", "dry_run": False}
            )
            return "gone"
        if operation == ("PUT", "/api/v1/analysis/{incident_id}/feedback"):
            keep_cause(self.hub, self.words["incident_id"][0], self.pushed["id"], MARKER)
            return self.words["incident_id"][0]
        if method == "PUT" and name == "window_id":
            return self._window()
        if method == "DELETE" and name == "anomaly_id":
            self.admin.put(f"/api/v1/anomalies/{self.words[name][0]}/feedback", json={"verdict": "REAL"})
        if name == "other_id":
            other = self._incident()
            self.admin.post(f"/api/v1/incidents/{self.words['incident_id'][0]}/links", json={"other_id": other})
            return other
        if "/credentials" in route:
            return str(self.alive["id"])
        if name == "name":
            now = self.admin.get(f"/api/v1/clusters/{self.pushed['id']}").json()["name"]
            return "owner" if "label" in route else str(now)
        return chance.choice(self.words[name]) if name in self.words else None

    def body(self, operation: Operation, chance: random.Random) -> JSON | None:
        """A body that the operation takes, each time another."""
        make = _BODIES.get(operation)
        return make(self, chance) if make else None

    def new_password(self, _: random.Random) -> JSON:
        now = self._leaver_password
        following = next(password for password in _PASSWORDS if password != now)
        return {"current_password": now, "new_password": following}

    def new_cluster(self, chance: random.Random) -> JSON:
        where = {"platform": "HOST"} if chance.random() < 0.5 else {"prometheus_url": NOWHERE, "bearer_token": "x"}
        return {"name": self._name("c"), "labels": {"team": "fuzz"}, **where}

    def new_dashboard(self, chance: random.Random) -> JSON:
        panel = {"query": "up", "title": "Targets", "width": chance.choice([3, 6, 12])}
        return {"name": self._name("d"), "panels": [panel], "shared": chance.random() < 0.5}

    def new_filter(self, chance: random.Random) -> JSON:
        query = chance.choice(["state=FIRING", "label=team%3Dred&group=name"])
        return {"name": self._name("f"), "query": query, "shared": chance.random() < 0.5}

    def changed_dashboard(self, chance: random.Random) -> JSON:
        kept = self.admin.get(f"/api/v1/dashboards/{self.words['dashboard_id'][0]}").json()
        return {**self.new_dashboard(chance), "revision": kept["revision"]}

    def new_replay(self, _: random.Random) -> JSON:
        return {"cluster_ids": [self.dead["id"]], "step_s": 300}

    def new_watch(self, chance: random.Random) -> JSON:
        limit = {"above": chance.choice([0.5, 1e9]), "for_s": 60}
        where = chance.choice([None, [self.pushed["id"]]])
        return {"name": self._name("w").replace("-", "_"), "query": "up_marked", "threshold": limit, "clusters": where}

    def changed_watch(self, chance: random.Random) -> JSON:
        kept = self.admin.get(f"/api/v1/watches/{self.words['watch'][1]}").json()
        return {"revision": kept["revision"], "sensitivity": chance.choice(["LOW", "EXTREME"]), "silence_s": None}

    def backtest(self, chance: random.Random) -> JSON:
        what = chance.choice([{"watch": "node_cpu"}, {"query": "up_marked"}, {"rule": "up_marked > 0"}])
        return {"cluster_id": self.pushed["id"], "sensitivity": "HIGH", **what}

    def credentials(self, chance: random.Random) -> JSON:
        return chance.choice([{"kind": "BEARER", "token": "x"}, {"kind": "BASIC", "username": "u", "password": "p"}])

    def import_source(self, chance: random.Random) -> JSON:
        url = chance.choice([self.answering, self.answering, NOWHERE])
        return {"kind": "SHARED_PROMETHEUS", "url": url, "bearer_token": "x"}

    def new_source(self, chance: random.Random) -> JSON:
        return {"name": self._name("s"), "cluster_id": chance.choice(self.words["cluster_id"])}

    def new_change(self, chance: random.Random) -> JSON:
        return works.new_change(MARKER, self.pushed["id"], chance)

    def new_team(self, chance: random.Random) -> JSON:
        matchers = chance.choice([[], [{"namespace": "shop"}, {"app": "cart*", "env": "prod"}]])
        return {"name": self._name("t"), "matchers": matchers, "members": ["ann", "bob"]}

    def new_correlation_rule(self, chance: random.Random) -> JSON:
        action, group_by = chance.choice([("GATHER", ["site", "cluster"]), ("APART", [])])
        holds = 'labels.owner == "furnished" && alert.severity in ["HIGH", "LOW"]'
        # Not one that is at work: it would part what other routes have gathered.
        return {"name": self._name("r"), "expression": holds, "action": action, "group_by": group_by, "enabled": False}

    def new_incident(self, chance: random.Random) -> JSON:
        severity = chance.choice(["CRITICAL", "LOW"])
        return {"title": self._name("i"), "severity": severity, "clusters": [self.pushed["id"]], "note": MARKER}

    def changed_incident(self, chance: random.Random) -> JSON:
        changes: list[JSON] = [
            {"status": chance.choice(["OPEN", "ACKNOWLEDGED", "MITIGATED", "RESOLVED", "FALSE_POSITIVE"])},
            {"title": chance.choice([None, "Mail is down"]), "severity": chance.choice([None, "HIGH"])},
            {"owner": chance.choice([None, "ann"]), "team_id": chance.choice([None, self.words["team_id"][0]])},
        ]
        return chance.choice(changes)

    def moved(self, chance: random.Random) -> JSON:
        """A new alert's incident is not known; what is not there is refused."""
        return {"anomalies": self.words["anomaly_id"], "to": chance.choice([None, self.words["incident_id"][1]])}

    def new_window(self, chance: random.Random) -> JSON:
        return works.new_window(self._name("m"), self.pushed["id"], chance)

    def cut_window(self, _: random.Random) -> JSON:
        """The next occurrence of the window that there is, which happens every day."""
        window = self.admin.get(f"/api/v1/maintenance/{self.words['window_id'][0]}").json()
        return {"starts_at": (window["following"] or {"starts_at": works.TOMORROW})["starts_at"]}

    def new_silence(self, chance: random.Random) -> JSON:
        clusters = chance.choice([[self.equipped["id"]], [self.equipped["id"], self.dead["id"], self.pushed["id"]]])
        matchers = [{"name": "owner", "value": MARKER}, {"name": "zone", "value": "a|b", "is_regex": True}]
        until = datetime.now(UTC) + timedelta(hours=chance.randint(1, 48))
        return {"matchers": matchers, "ends_at": until.isoformat(), "comment": self._name("s"), "cluster_ids": clusters}

    def topology_file(self, chance: random.Random) -> JSON:
        node = {"kind": chance.choice(["node", "host"]), "name": self._name("n"), "cluster": self.pushed["name"]}
        content = {"nodes": [node | {"depends_on": "sw"}, {"kind": "switch", "name": "sw"}]}
        return {"content": json.dumps(content), "name": "fuzz", "dry_run": chance.random() < 0.5, "prune": True}

    def new_user(self, chance: random.Random) -> JSON:
        scope = chance.choice([None, [], self.words["cluster_id"]])
        role = chance.choice(["admin", "operator", "viewer"])
        return {"username": self._name("u"), "password": "a good password", "role": role, "clusters": scope}


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
def _answering() -> Iterator[str]:
    """As much of a Prometheus as a probe, and an import, ask for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _questions() -> dict[str, list[str]]:
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


def _query(hub: FurnishedHub, chance: random.Random) -> JSON:
    return {"query": chance.choice(hub.words["query"]), "cluster_id": hub.words["cluster_id"], "time": time.time()}


def _range(hub: FurnishedHub, chance: random.Random) -> JSON:
    now = time.time()
    return {"query": chance.choice(hub.words["query"]), "start": now - 900, "end": str(now), "step": "15s"}


def _form(hub: FurnishedHub, chance: random.Random) -> JSON:
    """Of the data source, whose bodies are texts alone."""
    return {name: str(value) for name, value in _range(hub, chance).items()}


def _push(_: FurnishedHub, chance: random.Random) -> JSON:
    value = chance.choice([0, -1.5, 1e300, 2**60])
    return {"metrics": [{"name": "pushed", "labels": {"n": str(chance.randint(0, 5))}, "value": value}]}


def _webhook(_: FurnishedHub, chance: random.Random) -> JSON:
    labels = {"alertname": "Made", "severity": chance.choice(["critical", "warning", "none", "??"])}
    return {"version": "4", "alerts": [{"labels": labels, "startsAt": "2026-01-31T12:00:00Z", "status": "firing"}]}


def _action(hub: FurnishedHub, chance: random.Random) -> JSON:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    changes: list[JSON] = [{"status": "IN_PROGRESS"}, {"assignee": None}, {"snooze_until": until}, {"comment": "seen"}]
    keys = [{"cluster_id": hub.pushed["id"], "fingerprint": MARKER}]
    where: list[JSON] = [{"alerts": keys}, {"filter": {"state": ["FIRING"], "label": ["owner=x"]}}]
    return chance.choice(changes) | chance.choice(where)


_BODIES: dict[Operation, Callable[[FurnishedHub, random.Random], JSON]] = {
    ("POST", "/api/metrics"): _push,
    ("POST", "/api/v1/alerts/webhook"): _webhook,
    ("POST", "/api/v1/alerts/webhook/{alert_format}"): _webhook,
    ("POST", "/api/v1/alerts/actions"): _action,
    ("POST", "/api/v1/alert-intake-rules"): FurnishedHub.new_rule,
    ("PUT", "/api/v1/alert-intake-rules/{intake_rule_id}"): FurnishedHub.changed_rule,
    ("POST", "/api/v1/alert-intake-rules/try"): lambda hub, chance: {
        "cluster_id": hub.pushed["id"],
        "labels": {"alertname": "Made", "pod": "a"},
        "rule": chance.choice([None, hub.new_rule(chance)]),
    },
    ("POST", "/api/v1/metrics/query"): _query,
    ("POST", "/api/v1/metrics/query_range"): _range,
    ("POST", "/prometheus/api/v1/query"): lambda hub, chance: {"query": chance.choice(hub.words["query"])},
    ("POST", "/prometheus/api/v1/query_range"): _form,
    ("POST", "/prometheus/api/v1/series"): lambda hub, chance: {"match[]": chance.choice(hub.words["match"])},
    ("POST", "/api/v1/clusters"): FurnishedHub.new_cluster,
    ("POST", "/api/v1/clusters/test-connection"): lambda hub, _: {"prometheus_url": NOWHERE, "bearer_token": "x"},
    ("POST", "/api/v1/clusters/candidates"): FurnishedHub.import_source,
    ("POST", "/api/v1/clusters/import"): lambda hub, chance: {"source": hub.import_source(chance)},
    ("PATCH", "/api/v1/clusters/{cluster_id}"): lambda hub, _: {"display_name": hub._name("shown"), "region": None},
    ("PATCH", "/api/v1/incidents/{incident_id}"): FurnishedHub.changed_incident,
    ("POST", "/api/v1/incidents"): FurnishedHub.new_incident,
    ("POST", "/api/v1/incidents/{incident_id}/comments"): lambda *_: {"text": "looking at it"},
    ("POST", "/api/v1/incidents/{incident_id}/links"): lambda hub, _: {"other_id": hub._incident()},
    ("POST", "/api/v1/incidents/{incident_id}/merge"): lambda hub, _: {"incident_ids": [hub._incident()]},
    ("POST", "/api/v1/incidents/{incident_id}/move"): FurnishedHub.moved,
    ("POST", "/api/v1/teams"): FurnishedHub.new_team,
    ("POST", "/api/v1/correlation-rules"): FurnishedHub.new_correlation_rule,
    ("PUT", "/api/v1/correlation-rules/{rule_id}"): FurnishedHub.new_correlation_rule,
    ("POST", "/api/v1/correlation-rules/test"): lambda _, chance: {
        "expression": chance.choice(['"owner" in labels', 'alert.name.startsWith("F")']),
        "group_by": ["owner"],
    },
    ("POST", "/api/v1/runbooks"): FurnishedHub.new_runbook,
    ("PUT", "/api/v1/runbooks/{runbook_id}"): FurnishedHub.new_runbook,
    ("PUT", "/api/v1/analysis/{incident_id}/resolution"): lambda *_: {"note": "the disk was made larger"},
    ("PUT", "/api/v1/analysis/{incident_id}/feedback"): lambda _, chance: {
        "place": 1,
        "verdict": chance.choice(["RIGHT", "WRONG"]),
    },
    ("POST", "/api/v1/analysis/rca"): lambda hub, chance: chance.choice(
        [{"cluster_ids": [hub.pushed["id"]]}, {"incident_id": hub.words["incident_id"][0]}]
    ),
    ("POST", "/api/v1/analysis/anomaly"): lambda hub, chance: {
        "cluster_id": hub.pushed["id"],
        "query": chance.choice(hub.words["query"]),
    },
    ("POST", "/api/v1/analysis/explain"): lambda hub, _: {"incident_id": hub.words["incident_id"][0]},
    ("PUT", "/api/v1/teams/{team_id}"): FurnishedHub.new_team,
    ("PUT", "/api/v1/clusters/by-name/{name}"): lambda hub, _: {"display_name": hub._name("shown")},
    ("PUT", "/api/v1/clusters/{cluster_id}/credentials"): FurnishedHub.credentials,
    ("POST", "/api/v1/clusters/{cluster_id}/credentials/rotate"): FurnishedHub.credentials,
    ("POST", "/api/v1/silences"): FurnishedHub.new_silence,
    ("POST", "/api/v1/sources"): FurnishedHub.new_source,
    ("POST", "/api/v1/maintenance"): FurnishedHub.new_window,
    ("POST", "/api/v1/maintenance/preview"): FurnishedHub.new_window,
    ("PUT", "/api/v1/maintenance/{window_id}"): lambda hub, chance: {**hub.new_window(chance), "revision": 1},
    ("POST", "/api/v1/maintenance/{window_id}/cut"): FurnishedHub.cut_window,
    ("POST", "/api/v1/changes"): FurnishedHub.new_change,
    ("POST", "/api/v1/change-sources"): lambda hub, chance: works.new_change_source(
        hub._name("t"), hub.pushed["id"], chance
    ),
    ("POST", "/webhooks/changes/{change_source_id}"): lambda _, chance: works.told_by_webhook(chance),
    ("POST", "/api/v1/alert-filters"): FurnishedHub.new_filter,
    ("POST", "/api/v1/dashboards"): FurnishedHub.new_dashboard,
    ("PUT", "/api/v1/dashboards/{dashboard_id}"): FurnishedHub.changed_dashboard,
    ("PUT", "/api/v1/anomalies/{anomaly_id}/feedback"): lambda _, chance: {
        "verdict": chance.choice(["REAL", "NOISE"]),
        "note": "as every night",
    },
    ("POST", "/api/v1/backtests"): FurnishedHub.backtest,
    ("POST", "/api/v1/forecasts/query"): lambda hub, chance: {
        "query": chance.choice(hub.words["query"]),
        "window_s": chance.choice([3600, 604_800]),
    },
    ("POST", "/api/v1/replays"): FurnishedHub.new_replay,
    ("POST", "/api/v1/watches"): FurnishedHub.new_watch,
    ("PATCH", "/api/v1/watches/{watch}"): FurnishedHub.changed_watch,
    ("POST", "/api/v1/topology/apply"): FurnishedHub.topology_file,
    ("POST", "/api/v1/topology/graph"): lambda hub, _: {"nodes": hub.words["node_id"]},
    ("POST", "/api/v1/topology/locate"): lambda hub, _: {
        "labels": {"node": f"machine-{MARKER}"},
        "cluster_id": hub.pushed["id"],
    },
    ("POST", "/api/v1/users"): FurnishedHub.new_user,
    ("POST", "/api/v1/auth/login"): lambda *_: {"username": "admin", "password": ADMIN_PASSWORD},
    ("POST", "/api/v1/auth/password"): FurnishedHub.new_password,
}
