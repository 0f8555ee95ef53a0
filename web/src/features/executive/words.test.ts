import { expect, test } from "vitest";
import { causeWords, change, percent } from "./words";

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

test("what people said of causes is told beside how sure the hub was, and nothing where nobody said anything", () => {
  expect(causeWords({ judged: 0, right: 0, expected_right: 0, incidents: 0, found: 0 })).toContain("Nobody has said");
  expect(causeWords({ judged: 4, right: 3, expected_right: 3.31, incidents: 5, found: 4 })).toBe(
    "3 of 4 first causes that people judged were right; by how sure the hub was of them, 3.3 should have been. " +
      "In 4 of 5 incidents that people judged, the right cause was in the list.",
  );
});
