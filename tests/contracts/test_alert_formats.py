"""What every form of alerts must do, whatever it reads; and what the shipped ones make of real notifications."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from aiops.kernel.errors import Invalid
from aiops.observability.alert_formats import installed

FORMATS = installed()
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

GRAFANA: dict[str, Any] = {
    "receiver": "aiops",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory usage", "team": "blue", "zone": "us-1"},
            "annotations": {"summary": "The system has high memory usage"},
            "startsAt": "2026-01-31T11:54:43.958+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "values": {"B": 44.2},
            "valueString": "[ var='B' value=44.2 ]",
            "generatorURL": "https://grafana.example/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://grafana.example/alerting/silence/new",
            "dashboardURL": "https://grafana.example/d/dash",
        }
    ],
}
PAGERDUTY: dict[str, Any] = {
    "routing_key": "x",
    "event_action": "trigger",
    "dedup_key": "srv01/mysql",
    "payload": {
        "summary": "Example alert on host1.example.com",
        "source": "monitoringtool:host1.example.com/prod",
        "severity": "error",
        "class": "deploy",
        "component": "postgres",
        "custom_details": {"free": 0.2},
    },
}
DATADOG: dict[str, Any] = {
    "alert_id": "1234",
    "alert_title": "[Triggered on {host:web-1}] CPU is high",
    "alert_transition": "Triggered",
    "alert_type": "error",
    "alert_priority": "$ALERT_PRIORITY",
    "alert_scope": "host:web-1",
    "tags": "env:prod,host:web-1,kube-cluster:a,monitor",
    "body": "CPU of web-1 was > 90",
    "date": "1769860740000",
    "link": "https://app.datadoghq.com/event/1",
}
ZABBIX: dict[str, Any] = {
    "event_value": "1",
    "event_id": "137",
    "trigger_id": "19",
    "event_name": "Disk space is low",
    "event_nseverity": "4",
    "event_update_status": "0",
    "event_opdata": "{EVENT.OPDATA}",
    "host_name": "db-1",
    "event_tags": '[{"tag": "scope", "value": "capacity"}, {"tag": "data-centre", "value": "x"}]',
}
HOMEGROWN: dict[str, Any] = {
    "events": [{"check": {"name": "disk"}, "state": "CRIT", "at": 1769860800, "host": {"name": "db-1", "id": 7}}]
}
SETTINGS = {
    "alerts": "events",
    "name": "check.name",
    "severity": "state",
    "status": "state",
    "starts_at": "at",
    "labels": {"instance": "host.name"},
    "key": ["check.name", "host.id"],
}


@pytest.mark.parametrize("name", sorted(FORMATS.usable))
def test_what_it_cannot_read_is_refused_in_words(name: str) -> None:
    form = FORMATS[name].build()
    for body in ({}, {"alerts": 1}, {"alerts": ["x"]}, {"event_action": "resolve"}, {"title": None}):
        with pytest.raises(Invalid) as refusal:
            form.read(body, NOW)
        assert refusal.value.message


def test_grafana_tells_its_links_and_keeps_its_own_fingerprint() -> None:
    ((alert, payload),) = FORMATS["grafana"].build().read(GRAFANA, NOW)
    assert (alert.labels["alertname"], alert.fingerprint) == ("High memory usage", "c6eadffa33fcdf37")
    assert alert.annotations["dashboard_url"] == "https://grafana.example/d/dash"
    assert payload == GRAFANA["alerts"][0]


def test_an_event_of_pagerduty_is_resolved_by_its_key() -> None:
    form = FORMATS["pagerduty"].build()
    ((began, _),) = form.read(PAGERDUTY, NOW)
    ((ended, _),) = form.read({"event_action": "resolve", "dedup_key": "srv01/mysql"}, NOW)
    assert (began.labels["alertname"], began.labels["severity"], began.startsAt) == ("deploy", "error", NOW)
    assert (began.fingerprint, ended.status) == (ended.fingerprint, "resolved")
    assert form.read({**PAGERDUTY, "event_action": "acknowledge"}, NOW) == []


def test_a_monitor_of_datadog_is_one_alert_of_its_scope_with_its_tags_as_labels() -> None:
    form = FORMATS["datadog"].build()
    ((began, payload),) = form.read(DATADOG, NOW)
    assert began.labels == {
        "alertname": "CPU is high",
        "severity": "error",
        "host": "web-1",
        "env": "prod",
        "kube_cluster": "a",
    }
    assert (began.startsAt, payload) == (datetime(2026, 1, 31, 11, 59, tzinfo=UTC), DATADOG)
    over = DATADOG | {"alert_transition": "Recovered", "alert_title": "[Recovered on {host:web-1}] CPU is high"}
    ((ended, _),) = form.read(over, NOW)
    assert (ended.status, ended.fingerprint) == ("resolved", began.fingerprint)
    # As Datadog's own payload has it: all is in the title.
    ((plain, _),) = form.read({"id": "1", "title": "[Warn on {host:web-1}] CPU is high", "body": "x"}, NOW)
    assert plain.labels == {"alertname": "CPU is high", "severity": "warning", "host": "web-1"}
    with pytest.raises(Invalid, match="no transition"):
        form.read({"title": "CPU is high"}, NOW)


def test_a_problem_of_zabbix_ends_with_its_trigger_and_an_update_of_it_is_none() -> None:
    form = FORMATS["zabbix"].build()
    ((began, payload),) = form.read(ZABBIX, NOW)
    assert began.labels == {
        "alertname": "Disk space is low",
        "severity": "high",
        "instance": "db-1",
        "scope": "capacity",
        "data_centre": "x",
    }
    assert (began.status, began.annotations, payload) == ("firing", {}, ZABBIX)
    ((ended, _),) = form.read({**ZABBIX, "event_value": "0"}, NOW)
    assert (ended.status, ended.fingerprint) == ("resolved", began.fingerprint)
    assert form.read({**ZABBIX, "event_update_status": "1"}, NOW) == []


def test_any_json_is_read_where_its_settings_say() -> None:
    form = FORMATS["json"].build(SETTINGS)
    ((alert, _),) = form.read(HOMEGROWN, NOW)
    assert alert.labels == {"alertname": "disk", "severity": "CRIT", "instance": "db-1"}
    assert (alert.status, alert.startsAt) == ("firing", NOW)
    over = {"events": [{**HOMEGROWN["events"][0], "state": "OK"}]}
    ((ended, _),) = form.read(over, NOW)
    assert (ended.status, ended.fingerprint) == ("resolved", alert.fingerprint)
    assert msgspec.json.encode(ended)
