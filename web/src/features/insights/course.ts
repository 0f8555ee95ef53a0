import type { Span } from "../../lib/time";
import type { ChartData } from "../../ui/Chart";

type Past = readonly (readonly [number, number])[];
type Path = readonly (readonly [number, number, number, number])[];

/** The past, then what is foreseen with its band, and the limit through both. */
export function courseOf(history: Past, path: Path, limit: number | null): { data: ChartData; span: Span } {
  const last = history.at(-1);
  // What is foreseen starts where the past ends, so that the lines meet.
  const ahead: Path = last ? [[last[0], last[1], last[1], last[1]], ...path] : path;
  const before = last ? history.slice(0, -1) : history;
  const none = before.map(() => null);
  const times = [...before.map(([at]) => at), ...ahead.map(([at]) => at)];
  const lines: ChartData["lines"] = [
    {
      label: "measured",
      look: "measured",
      values: [...before.map(([, value]) => value), ...ahead.map((_, at) => (at === 0 && last ? last[1] : null))],
    },
    { label: "foreseen", look: "foreseen", values: [...none, ...ahead.map(([, point]) => point)] },
  ];
  if (limit !== null) lines.push({ label: "limit", look: "limit", values: times.map(() => limit) });
  return {
    data: {
      times,
      lines,
      band: {
        lower: [...none, ...ahead.map(([, , lower]) => lower)],
        upper: [...none, ...ahead.map(([, , , upper]) => upper)],
      },
    },
    span: { start: times[0] ?? 0, end: times.at(-1) ?? 1 },
  };
}

/** How far ahead, in words that fit a column. */
export function inWords(at: string | null | undefined, nowMs: number): string {
  if (!at) return "longer than can be told";
  const seconds = (Date.parse(at) - nowMs) / 1000;
  if (seconds <= 0) return "now";
  const sizes: [number, string][] = [
    [86_400, "day"],
    [3600, "hour"],
    [60, "minute"],
  ];
  for (const [size, word] of sizes) {
    if (seconds >= 1.95 * size || size === 60) {
      const count = Math.max(1, Math.round(seconds / size));
      return `${count} ${word}${count === 1 ? "" : "s"}`;
    }
  }
  return "now";
}

/** `is used up in 3 days`, `is used up now`. */
export function happens(what: string, at: string | null | undefined, nowMs: number): string {
  const when = inWords(at, nowMs);
  return when === "now" ? `${what} now` : `${what} in ${when}`;
}

/** The 90 % interval in words; where both ends read the same there is none to tell. */
export function between(early: string | null | undefined, late: string | null | undefined, nowMs: number): string | null {
  const [first, last] = [inWords(early ?? null, nowMs), inWords(late, nowMs)];
  return first === last ? null : `${first} to ${last}`;
}
