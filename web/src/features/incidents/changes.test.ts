import { expect, test } from "vitest";
import type { Change } from "../../api/maintenance";
import { rulesOf } from "./changes";

const change = (title: string, cluster_id: string | null): Change => ({ title, cluster_id, at: "2026-01-01T00:00:10Z" }) as Change;

test("a chart has the changes of its own cluster and those of no one cluster", () => {
  const rules = rulesOf([change("Rollout of web", "a"), change("Rollout of mail", "b"), change("New firewall rules", null)], "a");
  expect(rules.map(({ word }) => word)).toEqual(["Rollout of web", "New firewall rules"]);
  expect(rules[0]?.at).toBe(Date.parse("2026-01-01T00:00:10Z") / 1000);
});

test("many changes are marked without words", () => {
  const rules = rulesOf(["1", "2", "3", "4"].map((title) => change(title, "a")), "a");
  expect(rules.map(({ word }) => word)).toEqual(["", "", "", ""]);
});
