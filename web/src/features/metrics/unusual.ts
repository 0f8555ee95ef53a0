import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { anomaliesOfWatch, watches } from "../../api/insight";
import { rangeQuery } from "../../api/queries";
import type { Anomaly, RangeSeries } from "../../api/types";
import { subjectKey } from "../../lib/format";
import { isMoving } from "../../lib/time";
import { useLive, useRange } from "../../shell/store";
import type { ChartData } from "../../ui/Chart";
import { align } from "../fleet/series";

const OWN = /^aiops:watch:value\{.*\bwatch="([^"]+)"/;

/** What is known of a shown watch: its anomalies in the range, and the bands of its series. */
export interface Unusual {
  watch: string;
  anomalies: Anomaly[];
  lower: RangeSeries[];
  upper: RangeSeries[];
}

/** The watch that a query shows: one that names it in the hub's own record, or has this very query. */
export function useUnusual(query: string, clusterIds: string[] | undefined): Unusual | null {
  const [range] = useRange();
  const { paused } = useLive();
  const list = useQuery({ ...watches, staleTime: 60_000 });
  const named = OWN.exec(query.trim())?.[1];
  const watch = named ?? list.data?.items.find((one) => one.query === query.trim())?.name;
  const live = !paused && isMoving(range);
  const band = (part: string) => ({ query: watch ? `aiops:watch:${part}{watch=${JSON.stringify(watch)}}` : "", range, clusterIds, live });
  const lower = useQuery(rangeQuery(band("lower")));
  const upper = useQuery(rangeQuery(band("upper")));
  const found = useQuery({ ...anomaliesOfWatch(watch ?? "", range), enabled: watch !== undefined });
  return useMemo(() => {
    if (watch === undefined) return null;
    const anomalies = found.data?.items.filter(({ cluster_id }) => !clusterIds?.length || clusterIds.includes(cluster_id));
    return { watch, anomalies: anomalies ?? [], lower: lower.data?.series ?? [], upper: upper.data?.series ?? [] };
  }, [watch, found.data, lower.data, upper.data, clusterIds]);
}

/** Whether an anomaly is one of this series: the same labels, on its cluster. */
export function isOf(anomaly: Anomaly, { metric }: RangeSeries): boolean {
  return metric.cluster === anomaly.cluster && subjectKey(metric) === subjectKey({ ...anomaly.labels, cluster: anomaly.cluster });
}

/** The band and the anomalous points of the one series that is drawn. */
export function marked(data: ChartData, one: RangeSeries, unusual: Unusual, nowS: number): ChartData {
  const key = subjectKey(one.metric);
  const of = (part: RangeSeries[]) =>
    part.find(({ metric }) => metric.cluster === one.metric.cluster && subjectKey(metric) === key);
  const [lower, upper] = [of(unusual.lower), of(unusual.upper)];
  const spans = unusual.anomalies
    .filter((anomaly) => isOf(anomaly, one))
    .map(({ started_at, ended_at }) => [Date.parse(started_at) / 1000, ended_at ? Date.parse(ended_at) / 1000 : nowS]);
  const anomalous = data.times.map((time) => spans.some(([from = 0, to = 0]) => time >= from - 1 && time <= to));
  return {
    ...data,
    band: lower && upper ? { lower: align(data.times, lower), upper: align(data.times, upper) } : undefined,
    anomalous: anomalous.some(Boolean) ? anomalous : undefined,
  };
}
