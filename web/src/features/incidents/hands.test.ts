import { expect, test } from "vitest";
import type { Incident } from "../../api/types";
import { keyOf, membersOf } from "./hands";

const alert = { cluster_id: "c", fingerprint: "f", started_at: "2026-01-01T00:00:00Z" } as Incident["alerts"][number];
const anomaly = { id: "a1" } as Incident["anomalies"][number];
const finding = { id: "f1" } as Incident["findings"][number];

test("members of every kind are named as the API wants them, and only the chosen ones", () => {
  const one = { alerts: [alert, { ...alert, fingerprint: "g" }], anomalies: [anomaly], findings: [finding] };
  expect(membersOf(one, new Set([keyOf(alert), "f1"]))).toEqual({ alerts: [alert], anomalies: [], findings: ["f1"] });
  expect(membersOf(one, new Set(["a1"]))).toEqual({ alerts: [], anomalies: ["a1"], findings: [] });
});
