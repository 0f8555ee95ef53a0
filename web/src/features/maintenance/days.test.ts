import { expect, test } from "vitest";
import { daysOf, endOf, lanes, onDay, shareOf, stepped } from "./days";

const name = (day: Date): string => `${day.getFullYear()}-${day.getMonth() + 1}-${day.getDate()}`;

test("a week begins on Monday, also seen from a Sunday", () => {
  expect(daysOf("week", new Date(2026, 10, 22)).map(name)).toEqual([
    "2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22",
  ]);
});

test("a month is shown in whole weeks", () => {
  const days = daysOf("month", new Date(2026, 1, 10));
  expect([days.length, name(days[0] as Date), name(endOf(days))]).toEqual([35, "2026-1-26", "2026-3-2"]);
  expect(daysOf("month", new Date(2027, 1, 10))).toHaveLength(28);
});

test("a step leads to the next week or month, whatever the day", () => {
  expect(name(stepped("month", new Date(2026, 0, 31), 1))).toBe("2026-2-1");
  expect(name(stepped("week", new Date(2026, 0, 1), -1))).toBe("2025-12-25");
});

test("what goes over midnight lies on both days, each with its part", () => {
  const night = { starts_at: new Date(2026, 5, 1, 18).toISOString(), ends_at: new Date(2026, 5, 2, 6).toISOString() };
  const [first, second] = [new Date(2026, 5, 1), new Date(2026, 5, 2)];
  expect([onDay([night], first).length, onDay([night], second).length, onDay([night], new Date(2026, 5, 3)).length]).toEqual([1, 1, 0]);
  expect(shareOf(night, first)).toEqual({ from: 0.75, to: 1 });
  expect(shareOf(night, second)).toEqual({ from: 0, to: 0.25 });
});

test("only what takes place at one time stands beside each other", () => {
  const at = (from: number, to: number) => ({ starts_at: new Date(2026, 5, 1, from).toISOString(), ends_at: new Date(2026, 5, 1, to).toISOString() });
  expect(lanes([at(1, 4), at(2, 3), at(5, 6)]).map(({ lane, of }) => [lane, of])).toEqual([[0, 2], [1, 2], [0, 2]]);
});
