import { expect, test } from "vitest";
import { pointer, span } from "./words";

test("a fault is pointed at in its own line", () => {
  expect(pointer('labels.a == "x" &&\n  nothing', { line: 2, column: 3 })).toEqual({ line: "  nothing", mark: "  ^" });
  expect(pointer("x", {})).toBeNull();
});

test("a span is said as short as it is true", () => {
  expect([span(600), span(90), span(45)]).toEqual(["10 min", "90 s", "45 s"]);
});
