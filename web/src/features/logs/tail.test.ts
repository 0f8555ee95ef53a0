import { expect, it } from "vitest";
import type { LogLine } from "../../api/signals";
import { EMPTY, KEPT, after, nextAfter } from "./tail";

const line = (text: string, timestamp = "2026-01-01T00:00:00.000000001Z"): LogLine => ({
  timestamp,
  cluster_id: "c",
  cluster: "east",
  line: text,
  labels: {},
  metadata: {},
  parsed: {},
  level: null,
  cut_from: null,
});

it("keeps the newest lines and counts what will not come", () => {
  const many = Array.from({ length: KEPT + 5 }, (_, at) => line(String(at)));
  const full = after(after(EMPTY, { type: "lines", lines: many }), { type: "lost", count: 3 });
  expect([full.lines.length, full.lines[0]?.line, full.missed]).toEqual([KEPT, "5", 3]);
});

it("knows which clusters are followed, and why others are not", () => {
  const lost = after(EMPTY, { type: "cluster", cluster: "east", state: "LOST", error: "gone" });
  expect(lost.lost).toEqual({ east: "gone" });
  const back = after(lost, { type: "cluster", cluster: "east", state: "FOLLOWING", error: null });
  expect([back.lost, back.followed]).toEqual([{}, ["east"]]);
});

it("goes on behind the newest line, to the nanosecond", () => {
  const next = nextAfter([line("a", "2026-01-01T00:00:00.999999999Z"), line("b")], null);
  expect(next).toBe("1767225601000000000");
  expect(nextAfter([line("c")], next)).toBe(next);
});
