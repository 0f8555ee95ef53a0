import { expect, test } from "vitest";
import type { ClusterOutcome } from "../../api/types";
import { coarser } from "./outcomes";

function outcome(cluster: string, ...notes: string[]): ClusterOutcome {
  return { cluster_id: cluster, cluster, status: "SUCCESS", latency_ms: 1, notes };
}

test("a note that all clusters have is told once, others with their clusters", () => {
  const early = "before 2026-11-14 00:00 UTC at 5 min resolution";
  expect(coarser([outcome("a", early), outcome("b", early)])).toEqual([early]);
  expect(coarser([outcome("a", early), outcome("b")])).toEqual([`a: ${early}`]);
  expect(coarser([outcome("a"), outcome("b")])).toEqual([]);
});
