import { expect, test } from "vitest";
import { alarming, told } from "../../shell/alarms";
import { said, snoozeEnd } from "./acting";

test("a snooze until tomorrow ends at nine in the morning", () => {
  const end = new Date(snoozeEnd(-1, new Date(2026, 0, 31, 23, 30)));
  expect([end.getMonth(), end.getDate(), end.getHours(), end.getMinutes()]).toEqual([1, 1, 9, 0]);
});

test("what was left out of a bulk action is told", () => {
  const handled = { changed: 2, unchanged: 1, left_out: [{ cluster_id: "c", fingerprint: "f" }], more: false };
  expect(said(handled, "acknowledged")).toBe("2 alerts acknowledged; 1 were so before; 1 are gone");
});

test("a storm is one notice, and what is snoozed or harmless is none", () => {
  const burst = ["Down", "Down", "Slow"].map((name) => ({ name, severity: "CRITICAL" }));
  expect(told(burst)).toBe("3 alerts: Down and 1 other");
  expect(told(burst.slice(0, 1))).toBe("Critical alert: Down");
  const event = { event_type: "ALERT_FIRED", payload: { severity: "HIGH", quiet: false } };
  expect(alarming(event)).toBe(true);
  expect(alarming({ ...event, payload: { severity: "HIGH", quiet: true } })).toBe(false);
  expect(alarming({ ...event, payload: { severity: "LOW" } })).toBe(false);
  expect(alarming({ ...event, event_type: "ALERT_UPDATED" })).toBe(false);
});
