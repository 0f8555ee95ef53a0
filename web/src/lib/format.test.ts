import { expect, test } from "vitest";
import { formatMarks, formatValue, plural, selector, sentence, subject, subjectKey, toNumber } from "./format";

test.each([
  [0.4213, "ratio", "42.1 %"],
  [0.00312, "ratio", "0.312 %"],
  [0, "ratio", "0 %"],
  [1536, "bytes", "1.5 KiB"],
  [5 * 1024 ** 3, "bytes", "5 GiB"],
  [2_300_000, "bytes/s", "2.19 MiB/s"],
  [0.0042, "seconds", "4.2 ms"],
  [0.0000042, "seconds", "4.2 µs"],
  [42, "seconds", "42 s"],
  [9000, "seconds", "2.5 h"],
  [12_345, "req/s", "12.3 k req/s"],
  [0.5, "ops/s", "0.5 ops/s"],
  [1.234, "load", "1.23"],
  [71.26, "celsius", "71.3 °C"],
  [-3.5, "", "-3.5"],
  [null, "ratio", "–"],
  [Number.NaN, "bytes", "–"],
])("%s in %s reads %s", (value, unit, text) => expect(formatValue(value, unit)).toBe(text));

test("what cannot be drawn is a gap", () => {
  expect(["1.5", "NaN", "+Inf", "-Inf", "1e3"].map(toNumber)).toEqual([1.5, null, null, null, 1000]);
});

test("a series is the same whatever the order of its labels", () => {
  const plain = { instance: "a", device: "sda" };
  expect(subjectKey({ device: "sda", instance: "a", watch: "w", cluster: "c", __name__: "n" })).toBe(subjectKey(plain));
  expect(subjectKey({ instance: "b", device: "sda" })).not.toBe(subjectKey(plain));
});

test("a series reads as PromQL and as its subject", () => {
  expect(selector({ __name__: "up", job: 'a"b' })).toBe('up{job="a\\"b"}');
  expect(subject({ __name__: "x", cluster: "c", instance: "a", device: "sda" })).toBe("a · sda");
});

test("words", () => {
  expect(sentence("FALSE_POSITIVE")).toBe("False positive");
  expect([plural(1, "cluster"), plural(2000, "anomaly", "anomalies")]).toEqual(["1 cluster", "2,000 anomalies"]);
});

test("the marks of an axis are told from one another", () => {
  expect(formatMarks([0.7421, 0.7422, 0.7423], "ratio")).toEqual(["74.21 %", "74.22 %", "74.23 %"]);
  expect(formatMarks([0, 0.5, 1], "ratio")).toEqual(["0 %", "50 %", "100 %"]);
});
