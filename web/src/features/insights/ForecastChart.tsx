import { useMemo } from "react";
import { Chart } from "../../ui/Chart";
import { courseOf } from "./course";

interface Props {
  /** Pairs of Unix seconds and value. */
  history: [number, number][];
  /** Unix seconds, point, lower and upper end of the 90 % interval. */
  path: [number, number, number, number][];
  limit: number | null;
  unit: string;
  crossesAt?: string | null;
  summary: string;
  height?: number;
}

/** The past as a line, what is foreseen dashed, within a band that widens. */
export function ForecastChart({ history, path, limit, unit, crossesAt, summary, height = 180 }: Props) {
  const { data, span } = useMemo(() => courseOf(history, path, limit), [history, path, limit]);
  const rules = crossesAt ? [{ at: Date.parse(crossesAt) / 1000, word: "limit" }] : [];
  return <Chart data={data} unit={unit} span={span} summary={summary} height={height} rules={rules} />;
}
