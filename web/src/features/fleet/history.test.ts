import { expect, test } from "vitest";
import type { ClusterState, HealthPoint } from "../../api/types";
import { latencies, share, stretches } from "./history";

function point(second: number, state: ClusterState, latency_ms: number | null = 5): HealthPoint {
  const endpoint = { ok: latency_ms !== null, checked_at: "", latency_ms };
  return {
    at: new Date(second * 1000).toISOString(),
    state,
    connectivity: "CONNECTED",
    health_score: 100,
    endpoints: { PROMETHEUS: endpoint },
  };
}

test("probes of one state are one stretch, and it reaches to the next probe", () => {
  const points = [point(60, "OFFLINE"), point(30, "ONLINE"), point(0, "ONLINE"), point(90, "ONLINE")];
  expect(stretches(points, { start: 0, end: 100 })).toEqual([
    { state: "ONLINE", start: 0, end: 60 },
    { state: "OFFLINE", start: 60, end: 90 },
    { state: "ONLINE", start: 90, end: 100 },
  ]);
});

test("where nobody looked, nothing is known, and that counts for no state", () => {
  const points = [point(100, "ONLINE"), point(130, "ONLINE"), point(160, "OFFLINE"), point(1000, "ONLINE")];
  const found = stretches(points, { start: 0, end: 1010 });
  expect(found.map(({ state, start, end }) => [state, start, end])).toEqual([
    [null, 0, 100],
    ["ONLINE", 100, 160],
    ["OFFLINE", 160, 255],
    [null, 255, 1000],
    ["ONLINE", 1000, 1010],
  ]);
  expect(share(found, "ONLINE")).toBeCloseTo(70 / 165);
  expect(share([], "ONLINE")).toBeNull();
});

test("an endpoint that did not answer leaves a gap in its line", () => {
  const data = latencies([point(30, "OFFLINE", null), point(0, "ONLINE", 8)]);
  expect(data).toEqual({ times: [0, 30], lines: [{ label: "Prometheus", values: [0.008, null] }] });
  expect(latencies([point(0, "OFFLINE", null)])).toBeNull();
});
