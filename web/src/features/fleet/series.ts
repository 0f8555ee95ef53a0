import type { BandAnswer } from "../../api/queries";
import type { Anomaly, Expected, RangeSeries } from "../../api/types";
import { formatBand, formatValue, subjectKey, toNumber } from "../../lib/format";
import type { ChartData } from "../../ui/Chart";

/** The values of one series at the given times; null where it has none. */
export function align(times: number[], series: RangeSeries | undefined): (number | null)[] {
  const at = new Map(series?.values.map(([time, value]) => [time, toNumber(value)]));
  return times.map((time) => at.get(time) ?? null);
}

export function timesOf(series: RangeSeries[]): number[] {
  const all = new Set<number>();
  for (const one of series) for (const [time] of one.values) all.add(time);
  return [...all].sort((a, b) => a - b);
}

/** Every step of the answer, so that a stretch without samples is drawn as a gap and not as a line. */
export function stepsOf(series: RangeSeries[], step: number): number[] {
  const found = timesOf(series);
  const first = found[0];
  const last = found.at(-1);
  if (first === undefined || last === undefined || (last - first) / step > 11_000) return found;
  return Array.from({ length: Math.round((last - first) / step) + 1 }, (_, at) => first + at * step);
}

/** One watched series as a chart: measured, band, and the points of its anomalies. */
export function watchChart(answer: BandAnswer, one: Expected, anomalies: Anomaly[], now: number): ChartData | null {
  const key = subjectKey(one.labels);
  const of = (part: RangeSeries[]) => part.find(({ metric }) => subjectKey(metric) === key);
  const value = of(answer.value.series);
  if (!value?.values.length) return null;
  const times = stepsOf([value], answer.value.step);
  const lower = of(answer.lower.series);
  const upper = of(answer.upper.series);
  const own = anomalies.filter((each) => each.watch === one.watch && subjectKey(each.labels) === key);
  const anomalous = times.map((time) =>
    own.some(
      ({ started_at, ended_at }) =>
        time >= Date.parse(started_at) / 1000 - 1 && time <= (ended_at ? Date.parse(ended_at) / 1000 : now),
    ),
  );
  return {
    times,
    lines: [{ label: "measured", values: align(times, value) }],
    band: lower && upper ? { lower: align(times, lower), upper: align(times, upper) } : undefined,
    anomalous: anomalous.some(Boolean) ? anomalous : undefined,
  };
}

function placeOf({ value, lower, upper }: Expected): string {
  if (upper !== null && value > upper) return "above its band";
  return lower !== null && value < lower ? "below its band" : "within its band";
}

/** `Learning what is normal, 12 of 36 samples` */
export function learned({ seen, needed }: { seen: number; needed: number }): string {
  return `learning what is normal, ${seen} of ${needed} samples`;
}

/** What the band does not heed yet; empty where it does, or where no detector would. */
export function learnedDays({ learning_days: days }: Pick<Expected, "learning_days">): string {
  return days ? `the time of day not yet, ${days.seen} of ${days.needed} days` : "";
}

/** `CPU busy is 92 %, expected 8 % to 31 %: above its band.` */
export function summarise(one: Expected): string {
  const now = `${one.title} is ${formatValue(one.value, one.unit)}`;
  if (one.learning) return `${now}; ${learned(one.learning)}`;
  if (one.lower === null && one.upper === null) return `${now}; no expected band yet`;
  const band = `expected ${formatBand(one.lower, one.upper, one.unit)}`;
  if (one.anomaly_id) return `${now}, ${band}: an anomaly`;
  const place = placeOf(one);
  return `${now}, ${band}: ${place}`;
}
