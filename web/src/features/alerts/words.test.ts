import { defaultParseSearch, defaultStringifySearch } from "@tanstack/react-router";
import { expect, test } from "vitest";
import type { Alert } from "../../api/types";
import { about, asLine, asQuery } from "./words";

const alert = {
  cluster_id: "1",
  cluster: "eu-1",
  fingerprint: "f",
  name: "DiskFills",
  severity: "CRITICAL",
  state: "FIRING",
  labels: { alertname: "DiskFills", severity: "critical", instance: "db-1" },
  annotations: {},
  starts_at: "2026-01-31T10:00:00Z",
} as unknown as Alert;

test("an alert is told in its sender's words, or by its labels", () => {
  expect(about({ ...alert, annotations: { summary: "Disk of db-1 fills" } })).toBe("Disk of db-1 fills");
  expect(about(alert)).toBe("db-1");
});

test("an alert becomes a line to paste", () => {
  expect(asLine(alert)).toMatch(/^Critical, firing since 31 Jan.* [A-Za-z/_]+: DiskFills in eu-1 \(db-1\)$/);
});

test("a filter is the same however it came about, whatever is open beside it, and is read as it was written", () => {
  const asked = { state: "ALL", label: "team=red", snoozed: true, q: "7" };
  const written = asQuery({ ...asked, severity: undefined, open: "1/f" }, defaultStringifySearch);
  expect(written).toBe(asQuery({ q: "7", snoozed: true, label: "team=red", state: "ALL" }, defaultStringifySearch));
  expect(defaultParseSearch(`?${written}`)).toEqual(asked);
});
