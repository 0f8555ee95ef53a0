"""The hub itself, with what it was given."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack

import httpx

from tests.e2e.rig import items, wait_until
from tests.gateway.furnished.answering import answering, questions
from tests.gateway.furnished.bodies import BODIES
from tests.gateway.furnished.drafts import JSON, MARKER, NOWHERE, PASSWORDS, Drafts, Operation
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
from tests.lab.hub import Hub, add_source, add_user, sign_in


class FurnishedHub(Drafts):
    """One cluster of each kind, a source, a user, an alert, an anomaly and an incident; `words` are their names."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        super().__init__()
        self.hub = stack.enter_context(Hub())
        self.admin = stack.enter_context(self.hub.client())
        self.pushed = self._cluster({"platform": "HOST"})
        self.dead = self._cluster({"prometheus_url": NOWHERE})
        self.answering = stack.enter_context(answering())
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
        self.teller = self._change_source()
        told = {"Authorization": f"Bearer {self.teller['token']}"}
        self.pipeline = stack.enter_context(httpx.Client(base_url=url, headers=told, timeout=60, trust_env=False))
        self._makers: dict[str, Callable[[], str]] = {
            "cluster_id": lambda: str(self._cluster({"platform": "HOST"})["id"]),
            "source_id": lambda: str(add_source(self.admin, self.name("source"), self.pushed["id"])["id"]),
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
            "alert_format": ["datadog", "grafana", "json", "pagerduty", "zabbix"],
            "cluster": [self.equipped["id"], self.equipped["name"]],
            "node": [GPU_NODE],
            "node_id": [keep_topology(self.admin, self.pushed["name"], MARKER)],
            "file": [f"file-{MARKER}", "none"],
            "silence_id": [MonitoringPeer.silence_id],
            "path": ["openapi.json"],
            **questions(),
        }
        self.words["filter_id"] = [self._filter()]
        self.words["team_id"] = [self._team()]
        self.words["rule_id"] = [self._rule()]
        self.words["runbook_id"] = [self._runbook()]
        self.words["incident_id"].append(self.incident())

    def _cluster(self, how: JSON) -> JSON:
        made: JSON = self.admin.post("/api/v1/clusters", json={"name": self.name("c"), **how}).json()
        return made

    def _dashboard(self) -> str:
        made = self.admin.post("/api/v1/dashboards", json=self.new_dashboard(random.Random()))
        return str(made.json()["id"])

    def _filter(self) -> str:
        return str(self.admin.post("/api/v1/alert-filters", json=self.new_filter(random.Random())).json()["id"])

    def _change(self) -> str:
        return str(self.admin.post("/api/v1/changes", json=self.new_change(random.Random())).json()["id"])

    def _change_source(self) -> JSON:
        body = {"name": self.name("t"), "kind": "GENERIC", "cluster_id": self.pushed["id"]}
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

    def _window(self) -> str:
        body = {**self.new_window(random.Random()), "rrule": "FREQ=DAILY"}
        return str(self.admin.post("/api/v1/maintenance", json=body).json()["id"])

    def _watch(self) -> str:
        return str(self.admin.post("/api/v1/watches", json=self.new_watch(random.Random())).json()["name"])

    def _intake_rule(self) -> str:
        return str(self.admin.post("/api/v1/alert-intake-rules", json=self.new_rule(random.Random())).json()["id"])

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
            for password in PASSWORDS:
                with httpx.Client(base_url=self.hub.url, timeout=60, trust_env=False) as client:
                    body = {"username": "leaver", "password": password}
                    reply = client.post("/api/v1/auth/login", json=body)
                if reply.status_code == 200:
                    self._leaver = self._stack.enter_context(sign_in(self.hub.url, "leaver", password))
                    self.leaver_password = password
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
            other = self.incident()
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
        make = BODIES.get(operation)
        return make(self, chance) if make else None
