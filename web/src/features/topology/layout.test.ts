import { describe, expect, it } from "vitest";
import { nearest, placed, viewOf } from "./layout";

const at = (boxes: ReturnType<typeof placed>, id: string) => boxes.find((box) => box.id === id) ?? { id, x: NaN, y: NaN };

describe("the layout of a graph", () => {
  it("puts what is needed to the right of what needs it, and what stands alone below", () => {
    const boxes = placed(["pod", "node", "switch", "alone"], [
      { source: "pod", target: "node" },
      { source: "node", target: "switch" },
      { source: "switch", target: "gone" },
    ]);
    expect(at(boxes, "pod").x).toBeLessThan(at(boxes, "node").x);
    expect(at(boxes, "node").x).toBeLessThan(at(boxes, "switch").x);
    expect(at(boxes, "alone").y).toBeGreaterThan(at(boxes, "pod").y);
  });

  it("places circles too", () => {
    const boxes = placed(["a", "b"], [
      { source: "a", target: "b" },
      { source: "b", target: "a" },
      { source: "a", target: "a" },
    ]);
    expect(boxes).toHaveLength(2);
    expect(boxes.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
  });

  it("walks by arrows to the nearest box in that direction", () => {
    const boxes = placed(["a", "b", "c"], [
      { source: "a", target: "b" },
      { source: "a", target: "c" },
    ]);
    const first = nearest(boxes, "a", "ArrowRight") ?? "";
    expect(["b", "c"]).toContain(first);
    expect(nearest(boxes, first, "ArrowLeft")).toBe("a");
    expect([nearest(boxes, first, "ArrowUp"), nearest(boxes, first, "ArrowDown")]).toContain(first === "b" ? "c" : "b");
    expect(nearest(boxes, "a", "ArrowLeft")).toBeUndefined();
  });

  it("begins with all of it where that can be read, else around the chosen box", () => {
    const small = placed(["a", "b"], [{ source: "a", target: "b" }]);
    expect(viewOf(small, "a", 1000, 600).zoom).toBe(1);
    const ids = Array.from({ length: 60 }, (_, number) => `n${number}`);
    const large = placed(["s", ...ids], ids.map((id) => ({ source: id, target: "s" })));
    const last = large.reduce((low, box) => (box.y > low.y ? box : low));
    const { x, y, zoom } = viewOf(large, last.id, 1000, 600);
    expect(zoom).toBe(0.72);
    // In sight, and nothing empty below it.
    expect(last.y * zoom + y).toBeGreaterThan(0);
    expect(last.y * zoom + y).toBeLessThan(600);
    expect(last.x * zoom + x).toBeGreaterThan(0);
  });
});
