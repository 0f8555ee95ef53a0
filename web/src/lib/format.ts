import type { Labels } from "../api/types";

/** A number as Prometheus prints it, or null where there is nothing to draw. */
export function toNumber(text: string): number | null {
  if (text === "NaN") return null;
  if (text === "+Inf" || text === "-Inf") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

function significant(value: number, more: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 0.001) return value.toExponential(1 + more);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits + more)));
}

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function bytes(value: number, more: number): string {
  let rest = value;
  let power = 0;
  while (Math.abs(rest) >= 1024 && power < BINARY.length - 1) {
    rest /= 1024;
    power += 1;
  }
  return `${significant(rest, more)} ${BINARY[power]}`;
}

function seconds(value: number, more: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 0.001) return `${significant(value * 1e6, more)} µs`;
  if (size < 1) return `${significant(value * 1000, more)} ms`;
  if (size < 120) return `${significant(value, more)} s`;
  return size < 7200 ? `${significant(value / 60, more)} min` : `${significant(value / 3600, more)} h`;
}

function thousands(value: number, more: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${significant(value / 1e9, more)} G`;
  if (size >= 1e6) return `${significant(value / 1e6, more)} M`;
  if (size >= 1e4) return `${significant(value / 1e3, more)} k`;
  return significant(value, more);
}

/** A measured value with its unit, short enough for a table cell; `more` digits where it must be told from others. */
export function formatValue(value: number | null | undefined, unit = "", more = 0): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  switch (unit) {
    case "ratio":
      return `${significant(value * 100, more)} %`;
    case "bytes":
      return bytes(value, more);
    case "bytes/s":
      return `${bytes(value, more)}/s`;
    case "seconds":
      return seconds(value, more);
    case "req/s":
    case "ops/s":
      return `${thousands(value, more)} ${unit}`;
    case "celsius":
      return `${significant(value, more)} °C`;
    case "load":
    case "":
      return thousands(value, more);
    default:
      return `${thousands(value, more)} ${unit}`;
  }
}

/** The marks of an axis, with as many digits as it takes to tell one from the next. */
export function formatMarks(marks: number[], unit: string): string[] {
  let texts: string[] = [];
  for (let more = 0; more <= 6; more += 1) {
    texts = marks.map((mark) => formatValue(mark, unit, more));
    if (new Set(texts).size === marks.length) break;
  }
  return texts;
}

const HIDDEN = new Set(["__name__", "cluster", "watch", "job"]);

/** A band in words; an end that is open is left out. */
export function formatBand(lower: number | null, upper: number | null, unit: string): string {
  if (lower === null) return `at most ${formatValue(upper, unit)}`;
  if (upper === null) return `at least ${formatValue(lower, unit)}`;
  return `${formatValue(lower, unit)} to ${formatValue(upper, unit)}`;
}

/** What a series is about, in its labels' values: `sda · 10.0.0.1:9100`. */
export function subject(labels: Labels): string {
  const shown = Object.entries(labels).filter(([name]) => !HIDDEN.has(name));
  return shown.map(([, value]) => value).join(" · ");
}

/** A series as PromQL writes it. */
export function selector(labels: Labels): string {
  const { __name__: name = "", ...rest } = labels;
  const inner = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${name}${inner.length ? `{${inner.join(", ")}}` : ""}`;
}

/** The same series has the same key, whatever the order of its labels and the watch's own labels. */
export function subjectKey(labels: Labels): string {
  return Object.entries(labels)
    .filter(([name]) => name !== "__name__" && name !== "cluster" && name !== "watch")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("\u0000");
}

export function sentence(word: string): string {
  const lower = word.toLowerCase().replaceAll("_", " ");
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
