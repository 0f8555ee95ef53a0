import { expect, test } from "vitest";
import { change, percent } from "./words";

test("a figure is told beside the one before", () => {
  expect(change(12, 10)).toBe("20 % more than before");
  expect(change(5, 10)).toBe("50 % less than before");
  expect(change(10, 10)).toBe("as before");
});

test("what is unknown is no zero", () => {
  expect(percent(null)).toBe("unknown");
  expect(percent(0)).toBe("0 %");
  expect(change(null, 3)).toBe("");
  expect(change(3, null)).toBe("nothing to compare with");
});
