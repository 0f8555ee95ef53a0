import { expect, test } from "vitest";
import { columnsOf, ordered } from "./ValueTable";

const row = (cluster: string, instance: string, value: string) => ({
  metric: { __name__: "up", job: "node", cluster, instance },
  value: [0, value] as [number, string],
});

test("what tells the rows apart comes first, what all share last", () => {
  expect(columnsOf([row("b", "1", "1"), row("a", "2", "0")])).toEqual(["cluster", "instance", "job", "__name__"]);
});

test("values go by size with what is no number at the end, labels by their text", () => {
  const rows = [row("c10", "x", "9"), row("c9", "y", "10"), row("c1", "z", "NaN")];
  const clusters = (by: string, up: boolean) => ordered(rows, by, up).map(({ metric }) => metric.cluster);
  expect(clusters("\u0000value", false)).toEqual(["c9", "c10", "c1"]);
  expect(clusters("cluster", true)).toEqual(["c1", "c9", "c10"]);
});
