import { expect, test } from "vitest";
import { between, later, matcherText, matchersOf, repeats, ruleWords } from "./terms";

test("a length is what lies between two readings of the wall's clock, whatever the zone", () => {
  expect(between("2026-03-29T01:00", "2026-03-29T05:00")).toBe(4 * 3600);
  expect(later("2026-12-31T23:30", 3600)).toBe("2027-01-01T00:30");
  expect(between("", "2026-03-29T05:00")).toBeNaN();
});

test("a start suggests its weekday and its place in the month", () => {
  const rules = repeats("2026-11-24T02:00").map(([rule]) => rule);
  expect(rules).toContain("FREQ=WEEKLY;BYDAY=TU");
  expect(rules).toContain("FREQ=MONTHLY;BYDAY=4TU");
  expect(repeats("2026-11-29T02:00").at(-1)).toEqual(["FREQ=MONTHLY;BYDAY=-1SU", "On the last Sunday of every month"]);
});

test("a usual rule is told in words, another as it is", () => {
  const starts_local = "2026-11-24T02:00:00";
  expect(ruleWords({ rrule: "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270131", starts_local })).toBe("Every Tuesday until 2027-01-31");
  expect(ruleWords({ rrule: "FREQ=WEEKLY;BYDAY=MO,FR", starts_local })).toBe("Every Monday and Friday");
  expect(ruleWords({ rrule: "FREQ=YEARLY", starts_local })).toBe("FREQ=YEARLY");
});

test("matchers are read line by line, and the wrong line is named", () => {
  const { matchers, wrong } = matchersOf('alertname="Disk Full"\nseverity=~warning|info\n\nteam != db');
  expect(wrong).toBeNull();
  expect(matchers.map(matcherText)).toEqual(['alertname="Disk Full"', 'severity=~"warning|info"', 'team!="db"']);
  expect(matchersOf("a=b\nno matcher").wrong).toBe("no matcher");
});
