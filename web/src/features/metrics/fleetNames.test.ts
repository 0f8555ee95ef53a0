import { EqlSingle, Neq } from "@prometheus-io/lezer-promql";
import { expect, test } from "vitest";
import { selectorOf } from "./fleetNames";

test("values are narrowed by what is equal elsewhere, and not by the label that is being written", () => {
  const matchers = [
    { type: EqlSingle, name: "job", value: 'no"de' },
    { type: EqlSingle, name: "instance", value: "a" },
    { type: Neq, name: "mode", value: "idle" },
    { type: EqlSingle, name: "cluster", value: "" },
  ];
  expect(selectorOf("up", "instance", matchers)).toBe('up{job="no\\"de"}');
  expect(selectorOf(undefined, "instance", [])).toBeUndefined();
  expect(selectorOf("up")).toBe("up{}");
});
