"""Which body each operation takes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.gateway import works
from tests.gateway.furnished.drafts import JSON, MARKER, NOWHERE, Drafts, Operation
from tests.lab.hub import ADMIN_PASSWORD


def _query(hub: Drafts, chance: random.Random) -> JSON:
    return {"query": chance.choice(hub.words["query"]), "cluster_id": hub.words["cluster_id"], "time": time.time()}


def _range(hub: Drafts, chance: random.Random) -> JSON:
    now = time.time()
    return {"query": chance.choice(hub.words["query"]), "start": now - 900, "end": str(now), "step": "15s"}


def _form(hub: Drafts, chance: random.Random) -> JSON:
    """Of the data source, whose bodies are texts alone."""
    return {name: str(value) for name, value in _range(hub, chance).items()}


def _push(_: Drafts, chance: random.Random) -> JSON:
    value = chance.choice([0, -1.5, 1e300, 2**60])
    return {"metrics": [{"name": "pushed", "labels": {"n": str(chance.randint(0, 5))}, "value": value}]}


def _webhook(_: Drafts, chance: random.Random) -> JSON:
    labels = {"alertname": "Made", "severity": chance.choice(["critical", "warning", "none", "??"])}
    return {"version": "4", "alerts": [{"labels": labels, "startsAt": "2026-01-31T12:00:00Z", "status": "firing"}]}


def _action(hub: Drafts, chance: random.Random) -> JSON:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    changes: list[JSON] = [{"status": "IN_PROGRESS"}, {"assignee": None}, {"snooze_until": until}, {"comment": "seen"}]
    keys = [{"cluster_id": hub.pushed["id"], "fingerprint": MARKER}]
    where: list[JSON] = [{"alerts": keys}, {"filter": {"state": ["FIRING"], "label": ["owner=x"]}}]
    return chance.choice(changes) | chance.choice(where)


BODIES: dict[Operation, Callable[[Drafts, random.Random], JSON]] = {
    ("POST", "/api/metrics"): _push,
    ("POST", "/api/v1/alerts/webhook"): _webhook,
    ("POST", "/api/v1/alerts/webhook/{alert_format}"): _webhook,
    ("POST", "/api/v1/alerts/actions"): _action,
    ("POST", "/api/v1/alert-intake-rules"): Drafts.new_rule,
    ("PUT", "/api/v1/alert-intake-rules/{intake_rule_id}"): Drafts.changed_rule,
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
    ("POST", "/api/v1/clusters"): Drafts.new_cluster,
    ("POST", "/api/v1/clusters/test-connection"): lambda hub, _: {"prometheus_url": NOWHERE, "bearer_token": "x"},
    ("POST", "/api/v1/clusters/candidates"): Drafts.import_source,
    ("POST", "/api/v1/clusters/import"): lambda hub, chance: {"source": hub.import_source(chance)},
    ("PATCH", "/api/v1/clusters/{cluster_id}"): lambda hub, _: {"display_name": hub.name("shown"), "region": None},
    ("PATCH", "/api/v1/incidents/{incident_id}"): Drafts.changed_incident,
    ("POST", "/api/v1/incidents"): Drafts.new_incident,
    ("POST", "/api/v1/incidents/{incident_id}/comments"): lambda *_: {"text": "looking at it"},
    ("POST", "/api/v1/incidents/{incident_id}/links"): lambda hub, _: {"other_id": hub.incident()},
    ("POST", "/api/v1/incidents/{incident_id}/merge"): lambda hub, _: {"incident_ids": [hub.incident()]},
    ("POST", "/api/v1/incidents/{incident_id}/move"): Drafts.moved,
    ("POST", "/api/v1/teams"): Drafts.new_team,
    ("POST", "/api/v1/correlation-rules"): Drafts.new_correlation_rule,
    ("PUT", "/api/v1/correlation-rules/{rule_id}"): Drafts.new_correlation_rule,
    ("POST", "/api/v1/correlation-rules/test"): lambda _, chance: {
        "expression": chance.choice(['"owner" in labels', 'alert.name.startsWith("F")']),
        "group_by": ["owner"],
    },
    ("POST", "/api/v1/runbooks"): Drafts.new_runbook,
    ("PUT", "/api/v1/runbooks/{runbook_id}"): Drafts.new_runbook,
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
    ("PUT", "/api/v1/teams/{team_id}"): Drafts.new_team,
    ("PUT", "/api/v1/clusters/by-name/{name}"): lambda hub, _: {"display_name": hub.name("shown")},
    ("PUT", "/api/v1/clusters/{cluster_id}/credentials"): Drafts.credentials,
    ("POST", "/api/v1/clusters/{cluster_id}/credentials/rotate"): Drafts.credentials,
    ("POST", "/api/v1/silences"): Drafts.new_silence,
    ("POST", "/api/v1/sources"): Drafts.new_source,
    ("POST", "/api/v1/maintenance"): Drafts.new_window,
    ("POST", "/api/v1/maintenance/preview"): Drafts.new_window,
    ("PUT", "/api/v1/maintenance/{window_id}"): lambda hub, chance: {**hub.new_window(chance), "revision": 1},
    ("POST", "/api/v1/maintenance/{window_id}/cut"): Drafts.cut_window,
    ("POST", "/api/v1/changes"): Drafts.new_change,
    ("POST", "/api/v1/change-sources"): lambda hub, chance: works.new_change_source(
        hub.name("t"), hub.pushed["id"], chance
    ),
    ("POST", "/webhooks/changes/{change_source_id}"): lambda _, chance: works.told_by_webhook(chance),
    ("POST", "/api/v1/alert-filters"): Drafts.new_filter,
    ("POST", "/api/v1/dashboards"): Drafts.new_dashboard,
    ("PUT", "/api/v1/dashboards/{dashboard_id}"): Drafts.changed_dashboard,
    ("PUT", "/api/v1/anomalies/{anomaly_id}/feedback"): lambda _, chance: {
        "verdict": chance.choice(["REAL", "NOISE"]),
        "note": "as every night",
    },
    ("POST", "/api/v1/backtests"): Drafts.backtest,
    ("POST", "/api/v1/forecasts/query"): lambda hub, chance: {
        "query": chance.choice(hub.words["query"]),
        "window_s": chance.choice([3600, 604_800]),
    },
    ("POST", "/api/v1/replays"): Drafts.new_replay,
    ("POST", "/api/v1/watches"): Drafts.new_watch,
    ("PATCH", "/api/v1/watches/{watch}"): Drafts.changed_watch,
    ("POST", "/api/v1/topology/apply"): Drafts.topology_file,
    ("POST", "/api/v1/topology/graph"): lambda hub, _: {"nodes": hub.words["node_id"]},
    ("POST", "/api/v1/topology/locate"): lambda hub, _: {
        "labels": {"node": f"machine-{MARKER}"},
        "cluster_id": hub.pushed["id"],
    },
    ("POST", "/api/v1/users"): Drafts.new_user,
    ("POST", "/api/v1/auth/login"): lambda *_: {"username": "admin", "password": ADMIN_PASSWORD},
    ("POST", "/api/v1/auth/password"): Drafts.new_password,
}
