import { expect, test } from "vitest";
import { inOrder } from "./DataTable";

test("rows go by size or by letters, and what is unknown stays at the end either way", () => {
  const rows = [{ at: 2 }, { at: null }, { at: 10 }];
  const by = (row: { at: number | null }) => row.at;
  expect(inOrder(rows, by, true).map(by)).toEqual([2, 10, null]);
  expect(inOrder(rows, by, false).map(by)).toEqual([10, 2, null]);
  expect(inOrder(["node-10", "node-9"], (row) => row, true)).toEqual(["node-9", "node-10"]);
});
