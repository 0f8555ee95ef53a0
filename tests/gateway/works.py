"""Bodies for what people plan and change: maintenance windows and deployments."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

JSON = dict[str, Any]
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT02:30:00")


def new_window(name: str, cluster_id: str, chance: random.Random) -> JSON:
    when = {"timezone": chance.choice(["UTC", "Europe/Berlin"]), "starts_local": TOMORROW, "duration_s": 7200}
    rule = chance.choice(["", "FREQ=DAILY", "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2"])
    what = {"cluster_ids": chance.choice([None, [cluster_id]]), "matchers": [{"name": "a", "value": "b"}]}
    return {"title": name, "rrule": rule, **when, **what}


def new_change(marker: str, cluster_id: str, chance: random.Random) -> JSON:
    where = chance.choice([None, cluster_id])
    return {"title": f"Rollout {marker}", "kind": chance.choice(["DEPLOYMENT", "CONFIG"]), "cluster_id": where}


def new_change_source(name: str, cluster_id: str, chance: random.Random) -> JSON:
    kind = chance.choice(["GITHUB", "GITLAB", "ARGOCD", "GENERIC"])
    return {"name": name, "kind": kind, "places": {"production": cluster_id}}


def told_by_webhook(chance: random.Random) -> JSON:
    return {"title": "Rollout", "key": str(chance.randint(0, 3)), "at": "2026-01-31T12:00:00Z"}
