import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Change, changesBetween } from "../../api/maintenance";
import type { Incident } from "../../api/types";

const BEFORE_MS = 3_600_000;
const LONGEST = 32;
/** So many are named on a chart; more would hide each other's words. */
const NAMED = 3;

/** What was changed on its clusters from an hour before it began until it was over: the latest of it. */
export function useChanges(one: Incident): Change[] {
  const starts = [...one.alerts, ...one.anomalies, ...one.findings].map(({ started_at }) => Date.parse(started_at));
  const from = new Date(Math.min(Date.parse(one.detected_at), ...starts) - BEFORE_MS).toISOString();
  const ids = one.clusters.map(({ id }) => id);
  const found = useQuery(changesBetween({ from, to: one.resolved_at ?? "now" }, ids, !one.resolved_at));
  return useMemo(() => found.data?.items ?? [], [found.data]);
}

/** The changes on a cluster, and those of no one cluster, as rules of a chart. */
export function rulesOf(changes: readonly Change[], clusterId: string | null | undefined): { at: number; word: string }[] {
  const here = changes.filter(({ cluster_id }) => !cluster_id || !clusterId || cluster_id === clusterId);
  return here.map(({ at, title }) => ({ at: Date.parse(at) / 1000, word: here.length > NAMED ? "" : short(title) }));
}

const short = (title: string): string => (title.length > LONGEST ? `${title.slice(0, LONGEST)}…` : title);
