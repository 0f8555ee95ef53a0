import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { TimeRange } from "../lib/time";
import { resolveOrDefault } from "../lib/time";
import { call } from "./client";
import type { components } from "./schema.gen";
import type { Anomaly, Page } from "./types";

type Schemas = components["schemas"];

export type Group = Schemas["GroupReply"];
export type Explained = Schemas["Explained"];
export type Watch = Schemas["WatchView"];
export type WatchWish = Partial<Schemas["WatchWish"]> & Pick<Schemas["WatchWish"], "name" | "query">;
export type WatchChange = Partial<Schemas["WatchChange"]> & { revision: number };
export type Threshold = Schemas["Threshold"];
export type Sensitivity = Schemas["Sensitivity"];
export type Backtest = Schemas["Backtest"];
export type BacktestWish = Partial<Schemas["BacktestWish"]> & { cluster_id: string };
export type Verdict = Schemas["Verdict"];

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

export interface GroupFilters {
  cluster_id?: string;
  kind?: string;
  active?: boolean;
}

export const groups = (filters: GroupFilters, range: TimeRange) =>
  infiniteQueryOptions({
    queryKey: ["groups", filters, range.from, range.to],
    queryFn: ({ pageParam, signal }) => {
      const { start, end } = resolveOrDefault(range, Date.now());
      const query = { ...filters, start: iso(start), end: iso(end), cursor: pageParam, page_size: 50 };
      return call<Page<Group>>("anomaly-groups", { query, signal });
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export const group = (id: string) =>
  queryOptions({
    queryKey: ["groups", id],
    queryFn: ({ signal }) => call<Group>(`anomaly-groups/${id}`, { signal }),
  });

export interface Stretch {
  start: number;
  end: number;
}

export const explained = (clusterId: string, { start, end }: Stretch) =>
  queryOptions({
    queryKey: ["explained", clusterId, start, end],
    queryFn: ({ signal }) =>
      call<Explained>("anomaly-rate/explained", {
        query: { cluster_id: clusterId, start: iso(start), end: iso(end) },
        signal,
      }),
    staleTime: Infinity,
    retry: false,
  });

export const watches = queryOptions({
  queryKey: ["watches"],
  queryFn: ({ signal }) => call<{ items: Watch[] }>("watches", { signal }),
});

/** The anomalies of one watch in a range, over the clusters that one may see. */
export const anomaliesOfWatch = (watch: string, range: TimeRange) =>
  queryOptions({
    queryKey: ["anomalies", "of watch", watch, range.from, range.to],
    queryFn: ({ signal }) => {
      const { start, end } = resolveOrDefault(range, Date.now());
      return call<Page<Anomaly>>("anomalies", {
        query: { watch, start: iso(start), end: iso(end), page_size: 100 },
        signal,
      });
    },
    placeholderData: keepPreviousData,
  });

export const say = (id: string, verdict: Verdict, note: string) =>
  call<Anomaly>(`anomalies/${id}/feedback`, { method: "PUT", body: { verdict, note } });

export const unsay = (id: string) => call<undefined>(`anomalies/${id}/feedback`, { method: "DELETE" });

export const backtest = (body: BacktestWish) => call<Backtest>("backtests", { method: "POST", body });
