import type { ClusterState, HealthPoint } from "../../api/types";
import type { Span } from "../../lib/time";
import type { ChartData } from "../../ui/Chart";
import { endpointName } from "./grid";

/** A stretch in which a cluster was found in one state; null where nobody looked. */
export interface Stretch {
  state: ClusterState | null;
  start: number;
  end: number;
}

const at = (point: HealthPoint): number => Date.parse(point.at) / 1000;

/** The probes as stretches, oldest first. A state holds until the next probe, unless that came late: then nobody knows. */
export function stretches(points: HealthPoint[], span: Span): Stretch[] {
  const rising = points.toSorted((a, b) => at(a) - at(b));
  const patience = 3 * usual(rising) + 5;
  const found: Stretch[] = [];
  const add = (state: ClusterState | null, start: number, end: number) => {
    const [from, to] = [Math.max(start, span.start), Math.min(end, span.end)];
    if (to <= from) return;
    const last = found.at(-1);
    if (last?.state === state) last.end = to;
    else found.push({ state, start: from, end: to });
  };
  const [first] = rising;
  if (first) add(null, span.start, at(first));
  for (const [index, point] of rising.entries()) {
    const next = rising[index + 1];
    const until = next ? at(next) : span.end;
    const held = Math.min(until, at(point) + patience);
    add(point.state, at(point), held);
    add(null, held, until);
  }
  return found;
}

/** The interval between probes, as the middle one of them. */
function usual(rising: HealthPoint[]): number {
  const gaps = rising.slice(1).map((point, index) => at(point) - at(rising[index] ?? point));
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 60;
}

/** The share of the known time that a cluster was in a state; null where nothing is known. */
export function share(found: Stretch[], state: ClusterState): number | null {
  const length = (of: Stretch[]) => of.reduce((sum, { start, end }) => sum + end - start, 0);
  const known = length(found.filter((one) => one.state !== null));
  return known ? length(found.filter((one) => one.state === state)) / known : null;
}

/** How long each endpoint took to answer, a line each; a gap is a probe without an answer. */
export function latencies(points: HealthPoint[]): ChartData | null {
  const rising = points.toSorted((a, b) => at(a) - at(b));
  const kinds = [...new Set(rising.flatMap(({ endpoints }) => Object.keys(endpoints)))].sort();
  const lines = kinds.map((kind) => ({
    label: endpointName(kind),
    values: rising.map(({ endpoints }) => {
      const latency = endpoints[kind]?.latency_ms;
      return latency === null || latency === undefined ? null : latency / 1000;
    }),
  }));
  const drawn = lines.filter(({ values }) => values.some((value) => value !== null));
  return drawn.length ? { times: rising.map(at), lines: drawn } : null;
}
