import { expect, test } from "vitest";
import { freeRow } from "./Chart";

test("a word that would hide another goes to the next row", () => {
  const taken: { from: number; to: number }[][] = [];
  expect([freeRow(taken, { from: 0, to: 50 }), freeRow(taken, { from: 40, to: 90 }), freeRow(taken, { from: 50, to: 80 })]).toEqual([0, 1, 0]);
});
