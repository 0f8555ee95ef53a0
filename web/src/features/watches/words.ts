import type { Sensitivity, Threshold, Watch } from "../../api/insight";
import { formatValue } from "../../lib/format";
import { formatDuration } from "../../lib/time";

/** What each may cost where nothing is wrong, in findings a series and week, as the hub states it; and what the default
 * detector was measured to cost on ordinary series (`bench live_false_alarms`). */
export const SENSITIVITIES: Record<Sensitivity, { name: string; rate: string; measured: number }> = {
  LOW: { name: "Low", rate: "at most 1 false alarm in 10 weeks", measured: 0.04 },
  MEDIUM: { name: "Medium", rate: "at most 1 false alarm in 2 weeks", measured: 0.04 },
  HIGH: { name: "High", rate: "at most 2 false alarms a week", measured: 0.17 },
  EXTREME: { name: "Extreme", rate: "at most 1 false alarm a day", measured: 0.17 },
};

/** `above 90 % for 5 min` */
export function limitWords({ above, below, for_s }: Threshold, unit: string): string {
  const parts = [
    above === null || above === undefined ? null : `above ${formatValue(above, unit)}`,
    below === null || below === undefined ? null : `below ${formatValue(below, unit)}`,
  ];
  const held = for_s ? ` for ${formatDuration(for_s)}` : "";
  return parts.filter(Boolean).join(" or ") + held;
}

/** What a watch tells of, in words. */
export function tells(watch: Pick<Watch, "learned" | "sensitivity" | "threshold" | "silence_s" | "unit">): string[] {
  const found: string[] = [];
  if (watch.learned) found.push(`leaves its band (${SENSITIVITIES[watch.sensitivity].name.toLowerCase()})`);
  if (watch.threshold) found.push(`is ${limitWords(watch.threshold, watch.unit)}`);
  if (watch.silence_s) found.push(`is silent for ${formatDuration(watch.silence_s)}`);
  return found;
}

export const UNITS = ["", "ratio", "bytes", "bytes/s", "seconds", "req/s", "ops/s", "celsius", "load"];

export const WORSE: Record<string, string> = { both: "either way", up: "when it rises", down: "when it falls" };
