"""A real fault, scraped by a real Prometheus, told by the hub as an incident with its cause."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import browser_missing
from tests.e2e.conftest import NODE, ErrorBurst, Story
from tests.e2e.rig import JSON, items, wait_until
from tests.lab.packages import lab_available

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]


def test_a_fault_becomes_an_anomaly_an_incident_and_a_ranked_cause_on_the_websocket(story: Story) -> None:
    opened, ranked = story.opened(), story.ranked()
    anomaly = _anomaly_that_opened(story)
    sampled_at = _when_the_deciding_value_was_true(story, anomaly)
    print(
        f"after the fault began: decided by a value of {sampled_at - story.began:.1f} s, "
        f"incident {opened['came_at'] - story.began:.1f} s, cause {ranked['came_at'] - story.began:.1f} s; "
        f"deciding value to incident: {opened['came_at'] - sampled_at:.2f} s"
    )
    assert 0 <= opened["came_at"] - sampled_at <= 5.0
    incident = story.client.get(f"/api/v1/incidents/{opened['payload']['incident_id']}").json()
    top = incident["causes"][0]
    assert NODE in top["title"], incident["causes"]
    assert top["cluster_id"] == story.cluster["id"]
    assert 0 < top["confidence"] <= 1
    assert all(cause["confidence"] <= top["confidence"] for cause in incident["causes"])


def test_the_evidence_of_the_cause_can_be_asked_again(story: Story) -> None:
    story.ranked()
    incident = story.client.get(f"/api/v1/incidents/{story.opened()['payload']['incident_id']}").json()
    evidence = incident["causes"][0]["evidence"][0]
    reply = story.client.get(
        "/api/v1/metrics/query_range",
        params={
            "query": evidence["query"],
            "start": evidence["start"],
            "end": evidence["end"],
            "step": f"{evidence['step_s']:.0f}",
            "cluster_id": evidence["cluster_id"],
        },
    )
    assert reply.status_code == 200, reply.text
    assert len(reply.json()["series"]) == 1


@pytest.mark.skipif(browser_missing() is not None, reason=str(browser_missing()))
def test_the_page_shows_the_incident_without_a_reload_and_its_causes_with_their_evidence(story: Story) -> None:
    key = story.opened()["payload"]["key"]
    story.ranked()
    browser = story.browser
    assert browser is not None
    row = browser.page.get_by_role("link").filter(has_text=key)
    expect(row).to_be_visible(timeout=5_000)
    assert not browser.reloaded
    browser.shoot("incidents")
    row.click()
    expect(browser.page.get_by_role("heading", name="Likely causes")).to_be_visible()
    first = browser.page.get_by_role("article").first
    expect(first).to_contain_text("% sure")
    expect(first.locator("canvas").first).to_be_visible(timeout=15_000)
    expect(first.get_by_text("aiops:watch:value")).to_be_visible()
    assert not browser.reloaded
    browser.page.wait_for_timeout(500)
    browser.shoot("incident")
    browser.page.get_by_role("link", name="Fleet").first.click()
    expect(browser.page.get_by_text("shop").first).to_be_visible()
    browser.page.wait_for_timeout(500)
    browser.shoot("fleet")
    assert browser.problems == []


def test_of_services_that_fail_because_one_fails_that_one_is_ranked_first(error_burst: ErrorBurst) -> None:
    causes = error_burst.incident["causes"]
    assert causes[0]["subject"] == error_burst.culprit, causes
    assert error_burst.incident["causes_note"] is None
    assert any("books-web" in reason for reason in causes[0]["reasons"]), causes[0]["reasons"]


def _anomaly_that_opened(story: Story) -> JSON:
    """The first anomaly told; the reader saw no incident before it, so it is the one that opened it."""
    told = story.frames("ANOMALY_DETECTED")[0]["payload"]["anomaly_id"]
    anomaly: JSON = story.client.get(f"/api/v1/anomalies/{told}").json()
    assert anomaly["incident_id"] == story.opened()["payload"]["incident_id"]
    return anomaly


def _when_the_deciding_value_was_true(story: Story, anomaly: JSON) -> float:
    """The moment that the hub asked about, checked with the Prometheus itself: there it gives that very value.

    The answer can only have been returned after this moment, so what is counted from here is never too short.
    """
    asked_at = datetime.fromisoformat(anomaly["detected_at"]).astimezone(UTC).timestamp()
    watches = story.client.get("/api/v1/watches").json()["items"]
    query = next(watch["query"] for watch in watches if watch["name"] == anomaly["watch"]).replace("[1m]", "[2m]")
    found = [row for row in story.prometheus.query(query, asked_at)["result"] if _same(row["metric"], anomaly)]
    assert [float(row["value"][1]) for row in found] == pytest.approx([anomaly["value"]], rel=1e-6)
    return asked_at


def _same(labels: dict[str, str], anomaly: JSON) -> bool:
    return all(labels.get(name) == value for name, value in anomaly["labels"].items())


@pytest.mark.soak
def test_the_incident_resolves_once_the_fault_is_over(story: Story) -> None:
    incident_id = story.opened()["payload"]["incident_id"]
    story.exporter.end_all()

    def status() -> bool:
        return bool(story.client.get(f"/api/v1/incidents/{incident_id}").json()["status"] == "RESOLVED")

    wait_until(status, "the end of the incident", 400)
    assert not items(story.client, "/api/v1/anomalies", active="true", cluster_id=story.cluster["id"])
