import { expect, test } from "vitest";
import { ACTS, REOPEN, actsOn, changedBy, told } from "./acting";

const [acknowledge, mitigated, resolved] = ACTS;

test("an incident is offered what is left to do, and a closed one only to be opened again", () => {
  expect(actsOn("OPEN").map(({ word }) => word)).toEqual(["Acknowledge", "Mark mitigated", "Resolve", "False positive"]);
  expect(actsOn("MITIGATED").map(({ word }) => word)).toEqual(["Resolve", "False positive"]);
  expect(actsOn("RESOLVED")).toEqual([REOPEN]);
});

test("acting on several leaves alone those that are past it", () => {
  const items = [{ status: "OPEN" as const }, { status: "MITIGATED" as const }, { status: "RESOLVED" as const }];
  expect(acknowledge && changedBy(acknowledge, items)).toEqual([items[0]]);
  expect(resolved && changedBy(resolved, items)).toEqual([items[0], items[1]]);
});

test("what was done is said of one by its key, of several by their number", () => {
  expect(mitigated && told(mitigated, [{ key: "INC-1" }])).toBe("INC-1 mitigated");
  expect(mitigated && told(mitigated, [{ key: "INC-1" }, { key: "INC-2" }])).toBe("2 incidents mitigated");
});
