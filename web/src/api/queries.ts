import { type QueryClient, infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { TimeRange } from "../lib/time";
import { resolveOrDefault, stepFor } from "../lib/time";
import { ApiError, call } from "./client";
import type * as api from "./types";

/** The first part of each key is a topic of the live stream: see `lib/live.ts`. */
export const me = queryOptions({
  queryKey: ["me"],
  queryFn: () => call<api.User>("auth/me"),
  staleTime: 5 * 60_000,
  retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status === 401),
});

/** Follows the cursor to the end: fleets are hundreds, not millions. */
async function allPages<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: api.Page<T> = await call(path, { query: { page_size: 100, cursor }, signal });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < 2000);
  return items;
}

export const clusters = queryOptions({
  queryKey: ["clusters"],
  queryFn: ({ signal }) => allPages<api.Cluster>("clusters", signal),
  refetchInterval: 30_000,
});

const HISTORY_PAGES = 10;

/** The newest thousand probes of a range. */
export const healthHistory = (clusterId: string, range: TimeRange, live: boolean) =>
  queryOptions({
    queryKey: ["history", clusterId, range.from, range.to],
    queryFn: async ({ signal }) => {
      const { start, end } = resolveOrDefault(range, Date.now());
      const query = { start: iso(start), end: iso(end), page_size: 100 };
      const items: api.HealthPoint[] = [];
      let [cursor, total]: [string | null, number] = [null, 0];
      for (let read = 0; read < HISTORY_PAGES; read += 1) {
        const page: api.Page<api.HealthPoint> = await call(`clusters/${clusterId}/history`, {
          query: { ...query, cursor },
          signal,
        });
        items.push(...page.items);
        if (read === 0) total = page.total;
        cursor = page.next_cursor;
        if (!cursor) break;
      }
      return { items, total };
    },
    refetchInterval: live ? 15_000 : false,
    placeholderData: keepPreviousData,
  });

export const credentials = (clusterId: string) =>
  queryOptions({
    queryKey: ["credentials", clusterId],
    queryFn: ({ signal }) => call<api.CredentialsShown>(`clusters/${clusterId}/credentials`, { signal }),
  });

/** The first page of a cluster's firing alerts. */
export const clusterAlerts = (clusterId: string) =>
  queryOptions({
    queryKey: ["alerts", "of", clusterId],
    queryFn: ({ signal }) =>
      call<api.Page<api.Alert>>("alerts", { query: { cluster_id: clusterId, state: "FIRING", page_size: 20 }, signal }),
  });

export const offers = queryOptions({
  queryKey: ["offers"],
  queryFn: ({ signal }) => call<{ offers: api.Offer[] }>("clusters/offers", { signal }),
  refetchInterval: 60_000,
});

interface IncidentFilters {
  status?: string;
  severity?: string;
  cluster_id?: string;
}

export interface IncidentListFilters extends IncidentFilters {
  open?: boolean;
  owner?: string;
  team_id?: string;
  order?: "LATEST" | "IMPACT";
}

/** The newest hundred. */
export const incidents = (filters: IncidentFilters = {}) =>
  queryOptions({
    queryKey: ["incidents", filters],
    queryFn: ({ signal }) =>
      call<api.Page<api.IncidentSummary>>("incidents", { query: { ...filters, page_size: 100 }, signal }),
    placeholderData: keepPreviousData,
  });

export const incidentPages = (filters: IncidentListFilters) =>
  infiniteQueryOptions({
    queryKey: ["incidents", "pages", filters],
    queryFn: ({ pageParam, signal }) =>
      call<api.Page<api.IncidentSummary>>("incidents", {
        query: { ...filters, cursor: pageParam, page_size: 50 },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export interface AlertFilters extends IncidentFilters {
  state?: string;
  q?: string;
  assignee?: string;
  snoozed?: boolean;
  maintained?: boolean;
  name?: string;
  label?: string;
}

type AlertPage = api.Page<api.Alert> & { at_least: boolean };

export const alertPages = (filters: AlertFilters) =>
  infiniteQueryOptions({
    queryKey: ["alerts", filters],
    queryFn: ({ pageParam, signal }) =>
      call<AlertPage>("alerts", { query: { ...asked(filters), cursor: pageParam, page_size: 100 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

/** "" is nobody's: an empty value would be left out of the address. */
function asked({ assignee, ...filters }: AlertFilters) {
  return { ...filters, assignee: assignee === "" ? " " : assignee };
}

export const alertCounts = (filters: AlertFilters) =>
  queryOptions({
    queryKey: ["alerts", "counts", filters],
    queryFn: ({ signal }) => call<api.AlertCounts>("alerts/counts", { query: asked(filters), signal }),
    placeholderData: keepPreviousData,
  });

export const alertGroups = (filters: AlertFilters, by: string) =>
  queryOptions({
    queryKey: ["alerts", "groups", by, filters],
    queryFn: ({ signal }) =>
      call<{ items: api.AlertGroup[]; more: boolean }>("alerts/groups", { query: { ...asked(filters), by }, signal }),
    placeholderData: keepPreviousData,
  });

export const incident = (id: string) =>
  queryOptions({
    queryKey: ["incident", id],
    queryFn: ({ signal }) => call<api.Incident>(`incidents/${id}`, { signal }),
  });

export const expectations = (clusterId: string, live: boolean) =>
  queryOptions({
    queryKey: ["expectations", clusterId],
    queryFn: ({ signal }) =>
      call<{ items: api.Expected[] }>("expectations", { query: { cluster_id: clusterId }, signal }),
    refetchInterval: live ? 5000 : false,
  });

export const anomalies = (clusterId: string, range: TimeRange) =>
  queryOptions({
    queryKey: ["anomalies", clusterId, range.from, range.to],
    queryFn: ({ signal }) => {
      const { start, end } = resolveOrDefault(range, Date.now());
      return call<api.Page<api.Anomaly>>("anomalies", {
        query: { cluster_id: clusterId, start: iso(start), end: iso(end), page_size: 100 },
        signal,
      });
    },
    placeholderData: keepPreviousData,
  });

export interface RangeAsk {
  query: string;
  range: TimeRange;
  step?: number;
  clusterIds?: string[];
  live?: boolean;
  points?: number;
  /** Milliseconds between reads of what goes on. */
  everyMs?: number;
  /** Seconds that each cluster has to answer. */
  patienceS?: number;
}

export interface RangeAnswer extends api.RangeResult {
  start: number;
  end: number;
  step: number;
}

async function askRange(ask: RangeAsk, signal: AbortSignal): Promise<RangeAnswer> {
  const span = resolveOrDefault(ask.range, Date.now());
  const step = ask.step ?? stepFor(span, ask.points);
  // On multiples of the step, so that a later answer has the same points and no line wobbles.
  const start = Math.floor(span.start / step) * step;
  const end = Math.floor(span.end / step) * step;
  const query = { query: ask.query, start, end, step, cluster_id: ask.clusterIds, timeout: ask.patienceS };
  const result = await call<api.RangeResult>("metrics/query_range", { query, signal });
  return { ...result, start: span.start, end: span.end, step };
}

export const rangeQuery = (ask: RangeAsk) =>
  queryOptions({
    queryKey: ["range", ask.query, ask.range.from, ask.range.to, ask.step, ask.clusterIds, ask.patienceS],
    queryFn: ({ signal }) => askRange(ask, signal),
    enabled: ask.query.trim() !== "",
    refetchInterval: ask.live ? (ask.everyMs ?? 5000) : false,
    retry: false,
    placeholderData: keepPreviousData,
  });

/** The answer at the end of a range. */
export const instantQuery = (ask: RangeAsk) =>
  queryOptions({
    queryKey: ["instant", ask.query, ask.range.to, ask.clusterIds, ask.patienceS],
    queryFn: ({ signal }) => {
      const { end } = resolveOrDefault(ask.range, Date.now());
      const query = { query: ask.query, time: end, cluster_id: ask.clusterIds, timeout: ask.patienceS };
      return call<api.InstantResult>("metrics/query", { query, signal });
    },
    enabled: ask.query.trim() !== "",
    refetchInterval: ask.live ? (ask.everyMs ?? 5000) : false,
    retry: false,
    placeholderData: keepPreviousData,
  });

export const savedFilters = queryOptions({
  queryKey: ["alert-filters"],
  queryFn: async ({ signal }) => (await call<{ items: api.SavedFilter[] }>("alert-filters", { signal })).items,
});

export const dashboards = queryOptions({
  queryKey: ["dashboards"],
  queryFn: ({ signal }) => allPages<api.Dashboard>("dashboards", signal),
});

export const dashboard = (id: string) =>
  queryOptions({
    queryKey: ["dashboards", id],
    queryFn: ({ signal }) => call<api.Dashboard>(`dashboards/${id}`, { signal }),
  });

export interface BandAnswer {
  value: RangeAnswer;
  lower: RangeAnswer;
  upper: RangeAnswer;
}

/** A watch's measured values and its band, from the hub's own record. */
export const watchHistory = (clusterId: string, watch: string, range: TimeRange, live: boolean) =>
  queryOptions({
    queryKey: ["watch", clusterId, watch, range.from, range.to],
    queryFn: async ({ signal }): Promise<BandAnswer> => {
      const ask = (part: string) =>
        askRange(
          { query: `aiops:watch:${part}{watch=${JSON.stringify(watch)}}`, range, clusterIds: [clusterId] },
          signal,
        );
      const [value, lower, upper] = await Promise.all([ask("value"), ask("lower"), ask("upper")]);
      return { value, lower, upper };
    },
    refetchInterval: live ? 5000 : false,
    placeholderData: keepPreviousData,
  });

export const sources = queryOptions({
  queryKey: ["sources"],
  queryFn: ({ signal }) => call<{ items: api.Source[] }>("sources", { signal }),
});

export function refresh(client: QueryClient, topics: string[]): void {
  for (const topic of topics) void client.invalidateQueries({ queryKey: [topic] });
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
