import { expect, test } from "vitest";
import { between, courseOf, happens, inWords } from "./course";

const NOW = Date.parse("2026-01-01T00:00:00Z");

test("what is foreseen starts where the past ends", () => {
  const { data, span } = courseOf([[0, 1], [10, 2]], [[20, 3, 2.5, 3.5]], 5);
  expect(data.times).toEqual([0, 10, 20]);
  expect(data.lines.map(({ label, values }) => [label, values])).toEqual([
    ["measured", [1, 2, null]],
    ["foreseen", [null, 2, 3]],
    ["limit", [5, 5, 5]],
  ]);
  expect(data.band).toEqual({ lower: [null, 2, 2.5], upper: [null, 2, 3.5] });
  expect(span).toEqual({ start: 0, end: 20 });
});

test("a time ahead is told in the unit that fits, and an open end is said", () => {
  expect(inWords("2026-01-04T00:00:00Z", NOW)).toBe("3 days");
  expect(inWords("2026-01-01T05:00:00Z", NOW)).toBe("5 hours");
  expect(happens("is full", "2026-01-01T05:00:00Z", NOW)).toBe("is full in 5 hours");
  expect(happens("is full", "2025-12-31T00:00:00Z", NOW)).toBe("is full now");
  expect(inWords("2025-12-31T00:00:00Z", NOW)).toBe("now");
  expect(between("2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z", NOW)).toBe("2 days to 4 days");
  expect(between("2026-01-03T00:00:00Z", null, NOW)).toBe("2 days to longer than can be told");
  expect(between("2026-01-03T00:00:00Z", "2026-01-03T00:01:00Z", NOW)).toBeNull();
});
