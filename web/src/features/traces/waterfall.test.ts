import { expect, it } from "vitest";
import type { Span } from "../../api/signals";
import { bar, inSight, keyed, took } from "./waterfall";

const span = (span_id: string, depth: number, children = 0, offset_ms = 0, duration_ms = 10): Span => ({
  span_id,
  parent_id: null,
  depth,
  children,
  orphan: false,
  name: span_id,
  kind: "SERVER",
  service: "shop",
  cluster: "east",
  offset_ms,
  duration_ms,
  status: "UNSET",
  status_message: null,
  attributes: {},
  resource: {},
  events: [],
});

const tree = [span("a", 0, 2), span("b", 1, 1), span("c", 2), span("d", 1), span("e", 0)];

it("hides what lies below a folded span, and no more", () => {
  expect(inSight(tree, new Set(["b"])).map(({ name }) => name)).toEqual(["a", "b", "d", "e"]);
  expect(inSight(tree, new Set(["a"])).map(({ name }) => name)).toEqual(["a", "e"]);
});

it("walks and folds by the arrows", () => {
  const none = new Set<string>();
  expect(keyed("ArrowDown", tree, 4, none)).toEqual({ to: 4 });
  expect(keyed("ArrowLeft", tree, 1, none)).toEqual({ to: 1, fold: true });
  expect(keyed("ArrowLeft", tree, 2, none)).toEqual({ to: 1 });
  expect(keyed("ArrowRight", tree, 0, new Set(["a"]))).toEqual({ to: 0, fold: false });
  expect(keyed("x", tree, 0, none)).toBeNull();
});

it("lays bars within the trace, however short", () => {
  expect(bar(span("a", 0, 0, 50, 25), 100)).toEqual({ left: 50, width: 25 });
  expect(bar(span("a", 0, 0, 100, 0), 100)).toEqual({ left: 99.8, width: 0.2 });
  expect(bar(span("a", 0, 0, 0, 0), 0)).toEqual({ left: 0, width: 100 });
});

it("says times as people do", () => {
  expect([took(1250), took(310), took(0.042), took(12.34)]).toEqual(["1.25 s", "310 ms", "42 µs", "12.3 ms"]);
});
