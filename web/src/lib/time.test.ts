import { describe, expect, test } from "vitest";
import {
  absolute,
  describeRange,
  formatDuration,
  moved,
  parseDuration,
  parseRange,
  resolve,
  stepFor,
  typedForm,
  typedProblem,
  wider,
} from "./time";

const NOW = Date.UTC(2026, 0, 31, 12, 0, 0);

describe("a typed range", () => {
  test.each([
    ["90m", { from: "now-90m", to: "now" }],
    ["last 2d", { from: "now-2d", to: "now" }],
    ["1h30m", { from: "now-1h30m", to: "now" }],
    ["now-6h", { from: "now-6h", to: "now" }],
    [" now-6h to now-1h ", { from: "now-6h", to: "now-1h" }],
    ["2026-01-30 10:00 to 2026-01-30 12:00", { from: "2026-01-30 10:00", to: "2026-01-30 12:00" }],
  ])("%s is understood", (typed, range) => expect(parseRange(typed, NOW)).toEqual(range));

  test.each(["", "soon", "90", "now", "now-", "now-1h to now-6h", "2026-13-40 to now"])("%s is refused", (typed) =>
    expect(parseRange(typed, NOW)).toBeNull(),
  );

  test.each([
    ["90", "“90” is no time."],
    ["now-6x to now", "“now-6x” is no time."],
    ["now-6h to soon", "“soon” is no time."],
    ["now-1h to now-6h", "The range ends before it begins."],
    [" ", "Nothing is typed."],
    ["6h", null],
  ])("%s is refused with its reason", (typed, reason) => expect(typedProblem(typed, NOW)).toBe(reason));

  test("reads back what its field shows", () => {
    const zoomed = absolute({ start: NOW / 1000 - 600, end: NOW / 1000 - 60 });
    const again = parseRange(typedForm(zoomed, NOW), NOW);
    expect(again && resolve(again, NOW)).toEqual(resolve(zoomed, NOW));
    expect(typedForm({ from: "now-6h", to: "now" }, NOW)).toBe("now-6h");
  });

  test("moves with the clock", () => {
    expect(resolve({ from: "now-1h", to: "now" }, NOW)).toEqual({ start: NOW / 1000 - 3600, end: NOW / 1000 });
  });
});

test("a zoomed range comes back from its address as the same span", () => {
  const span = { start: NOW / 1000 - 600, end: NOW / 1000 - 60 };
  expect(resolve(absolute(span), NOW)).toEqual(span);
});

test("a range is moved and widened, but not past now", () => {
  const now = NOW / 1000;
  expect(resolve(moved({ start: now - 1200, end: now - 600 }, -0.5, NOW), NOW)).toEqual({ start: now - 1500, end: now - 900 });
  expect(resolve(moved({ start: now - 700, end: now - 100 }, 0.5, NOW), NOW)).toEqual({ start: now - 600, end: now });
  expect(resolve(wider({ start: now - 600, end: now }, NOW), NOW)).toEqual({ start: now - 1200, end: now });
});

test("durations add up, and nothing else is one", () => {
  expect(parseDuration("1h30m")).toBe(5400);
  expect(parseDuration("0m")).toBeNull();
  expect(parseDuration("1.5h")).toBeNull();
});

test("a step keeps a range within its points", () => {
  expect(stepFor({ start: 0, end: 1800 })).toBe(5);
  for (const days of [1, 7, 30, 365]) {
    const end = days * 86_400;
    expect(end / stepFor({ start: 0, end })).toBeLessThanOrEqual(366);
  }
});

test("ranges and durations read as a person would say them", () => {
  expect(describeRange({ from: "now-90m", to: "now" }, NOW)).toBe("Last 90m");
  expect(describeRange({ from: "never", to: "now" }, NOW)).toBe("Unreadable range");
  expect([5, 65, 7500, 7200, 200_000].map(formatDuration)).toEqual(["5 s", "1 min", "2 h 5 min", "2 h", "2 d"]);
});
