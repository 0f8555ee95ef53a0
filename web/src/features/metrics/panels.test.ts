import { expect, test } from "vitest";
import { guessUnit, legendOf, opened, panelsOf, readPanels, saved, searchOf, shownUnit } from "./panels";

test("a lone query stands in the address as it is, several as panels", () => {
  expect(searchOf([{ q: "up" }])).toEqual({ q: "up", panels: undefined });
  expect(searchOf([{ q: "up", unit: undefined }])).toEqual({ q: "up", panels: undefined });
  expect(searchOf([{ q: "up" }, { q: "" }])).toEqual({ q: undefined, panels: [{ q: "up" }, { q: "" }] });
  expect(searchOf([{ q: "up", view: "table" }]).panels).toEqual([{ q: "up", view: "table" }]);
  expect(panelsOf({})).toEqual([{ q: "" }]);
});

test("an address that somebody wrote is read with care", () => {
  expect(readPanels("up")).toBeUndefined();
  expect(readPanels([])).toBeUndefined();
  expect(readPanels([{ q: "up", width: 99, view: "pie", unit: 3 }, 7])).toEqual([{ q: "up" }]);
});

test("what is saved is opened as it was", () => {
  const panel = { q: "up", title: "Targets", unit: "none", legend: "{{job}}", view: "table" as const, width: 4 };
  expect(opened(saved(panel, 2))).toEqual(panel);
  expect(saved({ q: "up" }, 1)).toMatchObject({ width: 12, view: "LINES" });
});

test("a line is called by its legend", () => {
  const metric = { __name__: "up", instance: "a", cluster: "eu" };
  expect(legendOf("{{cluster}} / {{ instance }}", metric)).toBe("eu / a");
  expect(legendOf("{{nothing}}", metric)).toBe("a");
  expect(legendOf(undefined, metric)).toBe('up{instance="a", cluster="eu"}');
});

test.each([
  ["node_memory_MemAvailable_bytes", "bytes"],
  ["rate(node_network_receive_bytes_total[1m])", "bytes/s"],
  ["increase(node_network_receive_bytes_total[1h])", "bytes"],
  ["node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "ratio"],
  ["sum by (cluster) (rate(http_requests_total{path=~\"/a|_bytes\"}[5m]))", "req/s"],
  ["1 - avg(rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))", "ratio"],
  ["histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", "seconds"],
  ["rate(http_request_duration_seconds_sum[1m]) / rate(http_request_duration_seconds_count[1m])", ""],
  ["count(node_memory_MemTotal_bytes)", ""],
  ["up", ""],
])("%s is in %s", (query, unit) => expect(guessUnit(query)).toBe(unit));

test("a unit that was chosen counts, also the choice of none", () => {
  expect(shownUnit({ q: "a_bytes" })).toBe("bytes");
  expect(shownUnit({ q: "a_bytes", unit: "none" })).toBe("");
  expect(shownUnit({ q: "a_bytes", unit: "seconds" })).toBe("seconds");
});
