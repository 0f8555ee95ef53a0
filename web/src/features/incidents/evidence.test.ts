import { describe, expect, test } from "vitest";
import type { RangeAnswer } from "../../api/queries";
import { bandQueries, drawnSpan, evidenceChart, onwards, outcomeWords } from "./evidence";
import { readable } from "./Timeline";

function answer(values: [number, string][]): RangeAnswer {
  const series = [{ metric: { service: "web" }, values }] as RangeAnswer["series"];
  return { series, clusters: [], start: 0, end: 60, step: 15 } as unknown as RangeAnswer;
}

describe("the evidence of a cause", () => {
  test("the drawing goes on behind the window of the claim, by a quarter of it and not past now", () => {
  expect(onwards({ start: 0, end: 400 }, 430)).toEqual({ start: 0, end: 430 });
  expect(onwards({ start: 0, end: 400 }, 9000)).toEqual({ start: 0, end: 500 });
  expect(onwards({ start: 0, end: 400 }, 300)).toEqual({ start: 0, end: 400 });
});

test("has the band of the same watch beside it, and none for another query", () => {
    expect(bandQueries('aiops:watch:value{watch="node_cpu"}')).toEqual({
      lower: 'aiops:watch:lower{watch="node_cpu"}',
      upper: 'aiops:watch:upper{watch="node_cpu"}',
    });
    expect(bandQueries("rate(x[1m])")).toBeNull();
  });

  test("marks the values outside of the band and counts them", () => {
    const measured = answer([[0, "5"], [15, "50"]]);
    const bounds = { lower: answer([[0, "1"], [15, "1"]]), upper: answer([[0, "10"], [15, "10"]]) };
    const chart = evidenceChart(measured, bounds);
    expect(chart?.anomalous).toEqual([false, true]);
    expect(outcomeWords(measured, chart)).toBe("2 values, 1 outside the band");
  });

  test("is drawn over its window, or where its values begin when most of the window has none", () => {
    expect(drawnSpan({ start: 0, end: 3600 }, [10, 20])).toEqual({ span: { start: 0, end: 3600 }, from: null });
    expect(drawnSpan({ start: 0, end: 3600 }, [3400, 3415])).toEqual({ span: { start: 3390, end: 3600 }, from: 3400 });
  });
});

test("a timeline speaks no enums", () => {
  expect(readable("ann changed the status from OPEN to FALSE_POSITIVE")).toBe(
    "ann changed the status from open to false positive",
  );
});
