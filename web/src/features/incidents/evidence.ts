import type { RangeAnswer } from "../../api/queries";
import type { Evidence } from "../../api/types";
import { plural, subject, toNumber } from "../../lib/format";
import { type Span, clock, formatDuration, stamp, zone } from "../../lib/time";
import type { ChartData } from "../../ui/Chart";
import { align, stepsOf } from "../fleet/series";

const VALUE = "aiops:watch:value{";
const DRAWN = 12;

/** The queries of the expected band beside a watch's measured values; null for any other query. */
export function bandQueries(query: string): { lower: string; upper: string } | null {
  if (!query.startsWith(VALUE)) return null;
  const rest = query.slice(VALUE.length);
  return { lower: `aiops:watch:lower{${rest}`, upper: `aiops:watch:upper{${rest}` };
}

export function spanOf({ start, end }: Pick<Evidence, "start" | "end">): Span {
  return { start: Date.parse(start) / 1000, end: Date.parse(end) / 1000 };
}

/** The window of a claim and up to a quarter more, as far as time has gone on. */
export function onwards(span: Span, nowS: number): Span {
  return { start: span.start, end: Math.max(span.end, Math.min(nowS, span.end + (span.end - span.start) / 4)) };
}

/** `15:09:21 – 16:09:21 UTC (1 h), a value every 15 s`: the days too where they differ. */
export function windowWords(span: Span, step: number): string {
  const [from, to] = [new Date(span.start * 1000), new Date(span.end * 1000)];
  const say = from.toDateString() === to.toDateString() ? clock : stamp;
  return `${say(from)} – ${say(to)} ${zone} (${formatDuration(span.end - span.start)}), a value every ${step} s`;
}

export interface Bounds {
  lower: RangeAnswer;
  upper: RangeAnswer;
}

/** The measured values with their band; what lay outside of it is marked. */
export function evidenceChart(answer: RangeAnswer, bounds: Bounds | undefined): ChartData | null {
  const series = answer.series.slice(0, DRAWN);
  const [only] = series;
  if (!only) return null;
  const times = stepsOf(series, answer.step);
  const lines = series.map((one) => ({ label: subject(one.metric) || "measured", values: align(times, one) }));
  if (!bounds || series.length > 1 || !bounds.lower.series[0] || !bounds.upper.series[0]) return { times, lines };
  const band = { lower: align(times, bounds.lower.series[0]), upper: align(times, bounds.upper.series[0]) };
  const anomalous = times.map((_, at) => outside(lines[0]?.values[at], band.lower[at], band.upper[at]));
  return { times, lines: [{ label: "measured", values: align(times, only) }], band, anomalous: anomalous.some(Boolean) ? anomalous : undefined };
}

function outside(value: number | null | undefined, lower: number | null | undefined, upper: number | null | undefined): boolean {
  if (value === null || value === undefined) return false;
  return (upper !== null && upper !== undefined && value > upper) || (lower !== null && lower !== undefined && value < lower);
}

/** The part of the window that holds values, where most of it holds none; else the window. */
export function drawnSpan(span: Span, times: number[]): { span: Span; from: number | null } {
  const [first] = times;
  const whole = span.end - span.start;
  if (first === undefined || first - span.start < whole / 2) return { span, from: null };
  return { span: { start: first - (span.end - first) * 0.05, end: span.end }, from: first };
}

/** What came back: `240 values, 12 of them outside the band`. */
export function outcomeWords(answer: RangeAnswer, data: ChartData | null): string {
  const count = answer.series.reduce((sum, one) => sum + one.values.filter(([, text]) => toNumber(text) !== null).length, 0);
  const out = data?.anomalous?.filter(Boolean).length;
  return plural(count, "value") + (out ? `, ${out} outside the band` : "");
}
