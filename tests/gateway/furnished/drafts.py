"""Bodies for what is made and changed, each time others."""

from __future__ import annotations

import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.e2e.rig import items
from tests.gateway import works

JSON = dict[str, Any]
Operation = tuple[str, str]
MARKER = "furnished"
NOWHERE = "http://127.0.0.1:9"
PASSWORDS = ("second-password-2", "third-password-3")


class Drafts:
    """`words` are the names of what there is, by what they are called in paths and questions."""

    admin: httpx.Client
    pushed: JSON
    dead: JSON
    equipped: JSON
    answering: str
    words: dict[str, list[str]]
    leaver_password = PASSWORDS[0]

    def __init__(self) -> None:
        self._count = itertools.count()

    def name(self, kind: str) -> str:
        return f"{kind}-made-{next(self._count)}"

    def incident(self) -> str:
        made = self.admin.post("/api/v1/incidents", json=self.new_incident(random.Random()))
        return str(made.json()["id"])

    def new_runbook(self, chance: random.Random) -> JSON:
        matchers = chance.choice([[], [{"alertname": "Made"}, {"service": "cart*"}]])
        return {"title": self.name("r"), "markdown": "# Look\n\n1. at it", "matchers": matchers, "owner": "ann"}

    def new_rule(self, chance: random.Random) -> JSON:
        table = {"csv": "pod,owner\na,b\n", "match": ["pod"]}
        parts: list[JSON] = [{"mapping": table}, {"extraction": {"name": "pod", "pattern": "(?P<service>[a-z]+)"}}]
        return {"name": self.name("r"), "cluster_ids": [self.pushed["id"]], **chance.choice(parts)}

    def changed_rule(self, chance: random.Random) -> JSON:
        kept = items(self.admin, "/api/v1/alert-intake-rules")
        mine = next(one for one in kept if one["id"] == self.words["intake_rule_id"][0])
        return {**self.new_rule(chance), "revision": mine["revision"]}

    def new_password(self, _: random.Random) -> JSON:
        now = self.leaver_password
        following = next(password for password in PASSWORDS if password != now)
        return {"current_password": now, "new_password": following}

    def new_cluster(self, chance: random.Random) -> JSON:
        where = {"platform": "HOST"} if chance.random() < 0.5 else {"prometheus_url": NOWHERE, "bearer_token": "x"}
        return {"name": self.name("c"), "labels": {"team": "fuzz"}, **where}

    def new_dashboard(self, chance: random.Random) -> JSON:
        panel = {"query": "up", "title": "Targets", "width": chance.choice([3, 6, 12])}
        return {"name": self.name("d"), "panels": [panel], "shared": chance.random() < 0.5}

    def new_filter(self, chance: random.Random) -> JSON:
        query = chance.choice(["state=FIRING", "label=team%3Dred&group=name"])
        return {"name": self.name("f"), "query": query, "shared": chance.random() < 0.5}

    def changed_dashboard(self, chance: random.Random) -> JSON:
        kept = self.admin.get(f"/api/v1/dashboards/{self.words['dashboard_id'][0]}").json()
        return {**self.new_dashboard(chance), "revision": kept["revision"]}

    def new_replay(self, _: random.Random) -> JSON:
        return {"cluster_ids": [self.dead["id"]], "step_s": 300}

    def new_watch(self, chance: random.Random) -> JSON:
        limit = {"above": chance.choice([0.5, 1e9]), "for_s": 60}
        where = chance.choice([None, [self.pushed["id"]]])
        return {"name": self.name("w").replace("-", "_"), "query": "up_marked", "threshold": limit, "clusters": where}

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
        return {"name": self.name("s"), "cluster_id": chance.choice(self.words["cluster_id"])}

    def new_change(self, chance: random.Random) -> JSON:
        return works.new_change(MARKER, self.pushed["id"], chance)

    def new_team(self, chance: random.Random) -> JSON:
        matchers = chance.choice([[], [{"namespace": "shop"}, {"app": "cart*", "env": "prod"}]])
        return {"name": self.name("t"), "matchers": matchers, "members": ["ann", "bob"]}

    def new_correlation_rule(self, chance: random.Random) -> JSON:
        action, group_by = chance.choice([("GATHER", ["site", "cluster"]), ("APART", [])])
        holds = 'labels.owner == "furnished" && alert.severity in ["HIGH", "LOW"]'
        # Not one that is at work: it would part what other routes have gathered.
        return {"name": self.name("r"), "expression": holds, "action": action, "group_by": group_by, "enabled": False}

    def new_incident(self, chance: random.Random) -> JSON:
        severity = chance.choice(["CRITICAL", "LOW"])
        return {"title": self.name("i"), "severity": severity, "clusters": [self.pushed["id"]], "note": MARKER}

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
        return works.new_window(self.name("m"), self.pushed["id"], chance)

    def cut_window(self, _: random.Random) -> JSON:
        """The next occurrence of the window that there is, which happens every day."""
        window = self.admin.get(f"/api/v1/maintenance/{self.words['window_id'][0]}").json()
        return {"starts_at": (window["following"] or {"starts_at": works.TOMORROW})["starts_at"]}

    def new_silence(self, chance: random.Random) -> JSON:
        clusters = chance.choice([[self.equipped["id"]], [self.equipped["id"], self.dead["id"], self.pushed["id"]]])
        matchers = [{"name": "owner", "value": MARKER}, {"name": "zone", "value": "a|b", "is_regex": True}]
        until = datetime.now(UTC) + timedelta(hours=chance.randint(1, 48))
        return {"matchers": matchers, "ends_at": until.isoformat(), "comment": self.name("s"), "cluster_ids": clusters}

    def topology_file(self, chance: random.Random) -> JSON:
        node = {"kind": chance.choice(["node", "host"]), "name": self.name("n"), "cluster": self.pushed["name"]}
        content = {"nodes": [node | {"depends_on": "sw"}, {"kind": "switch", "name": "sw"}]}
        return {"content": json.dumps(content), "name": "fuzz", "dry_run": chance.random() < 0.5, "prune": True}

    def new_user(self, chance: random.Random) -> JSON:
        scope = chance.choice([None, [], self.words["cluster_id"]])
        role = chance.choice(["admin", "operator", "viewer"])
        return {"username": self.name("u"), "password": "a good password", "role": role, "clusters": scope}
