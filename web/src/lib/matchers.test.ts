import { expect, test } from "vitest";
import { parseMatchers, writeMatchers } from "./matchers";

test("matchers are written a line each and read back", () => {
  const { matchers, bad } = parseMatchers("alertname=DiskFull, service=cart*\n\nwatch=node_cpu\n");
  expect(bad).toBeNull();
  expect(matchers).toEqual([{ alertname: "DiskFull", service: "cart*" }, { watch: "node_cpu" }]);
  expect(parseMatchers(writeMatchers(matchers)).matchers).toEqual(matchers);
});

test("a line that names no value is told of", () => {
  expect(parseMatchers("service").bad).toBe("service");
  expect(parseMatchers("a=b\nservice=").bad).toBe("service=");
});
