import { expect, test } from "vitest";
import { kept, targets, toggled, toggledAll } from "./selection";

test("a row goes in and out of the selection", () => {
  const one = toggled(new Set(), "a");
  expect([...one]).toEqual(["a"]);
  expect([...toggled(one, "a")]).toEqual([]);
});

test("all are selected at once, and let go when all were", () => {
  expect([...toggledAll(new Set(["a"]), ["a", "b"])]).toEqual(["a", "b"]);
  expect([...toggledAll(new Set(["a", "b"]), ["a", "b"])]).toEqual([]);
});

test("what the list lost is not acted on", () => {
  expect([...kept(new Set(["a", "gone"]), ["a", "b"])]).toEqual(["a"]);
  const whole = new Set(["a"]);
  expect(kept(whole, ["a", "b"])).toBe(whole);
});

test("a key acts on the selection before the row in hand", () => {
  expect(targets(new Set(["a", "b"]), "c")).toEqual(["a", "b"]);
  expect(targets(new Set(), "c")).toEqual(["c"]);
  expect(targets(new Set(), undefined)).toEqual([]);
});
