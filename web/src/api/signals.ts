/** What the console asks of logs and traces. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type TimeRange, resolveOrDefault, stepFor } from "../lib/time";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type LogLine = Schemas["LogLine"];
export type LogsResult = Schemas["LogsResult"];
export type TracesFound = Schemas["TracesFound"];
export type TraceSummary = Schemas["TraceSummary"];
export type Trace = Schemas["Trace"];
export type Span = Schemas["Span"];
type LogLabels = Schemas["LogLabels"];
type LogLabelValues = Schemas["LogLabelValues"];
type TraceNames = Schemas["TraceNames"];

export const MOST_LINES = 500;

export interface LogsAsk {
  query: string;
  range: TimeRange;
  clusterIds?: string[];
  live?: boolean;
}

export interface LogsAnswer extends LogsResult {
  start: number;
  end: number;
  step: number;
}

async function askLogs({ query, range, clusterIds }: LogsAsk, signal: AbortSignal, points: number): Promise<LogsAnswer> {
  const { start, end } = resolveOrDefault(range, Date.now());
  const step = stepFor({ start, end }, points);
  const found = await call<LogsResult>("logs/query_range", {
    query: { query, start, end, step, limit: MOST_LINES, cluster_id: clusterIds },
    signal,
  });
  return { ...found, start, end, step };
}

export const logs = (ask: LogsAsk, points = 360) =>
  queryOptions({
    queryKey: ["logs", ask.query, ask.range.from, ask.range.to, ask.clusterIds, points],
    queryFn: ({ signal }) => askLogs(ask, signal, points),
    enabled: ask.query.trim() !== "",
    refetchInterval: ask.live ? 10_000 : false,
    retry: false,
    placeholderData: keepPreviousData,
  });

export const logLabels = (clusterIds?: string[]) =>
  queryOptions({
    queryKey: ["log-labels", clusterIds],
    queryFn: ({ signal }) => call<LogLabels>("logs/labels", { query: { cluster_id: clusterIds }, signal }),
    staleTime: 300_000,
    retry: false,
  });

export const logLabelValues = (name: string, clusterIds?: string[]) =>
  queryOptions({
    queryKey: ["log-labels", clusterIds, name],
    queryFn: ({ signal }) =>
      call<LogLabelValues>(`logs/label/${encodeURIComponent(name)}/values`, { query: { cluster_id: clusterIds }, signal }),
    enabled: name !== "",
    staleTime: 300_000,
    retry: false,
  });

export interface TraceFields {
  q?: string;
  service?: string;
  operation?: string;
  min?: string;
  max?: string;
  errors?: boolean;
  clusters?: string[];
}

const around = (range: TimeRange) => {
  const { start, end } = resolveOrDefault(range, Date.now());
  return { start: Math.floor(start), end: Math.ceil(end) };
};

export const traces = (fields: TraceFields, range: TimeRange) =>
  queryOptions({
    queryKey: ["traces", fields, range.from, range.to],
    queryFn: ({ signal }) =>
      call<TracesFound>("traces/search", {
        query: {
          ...around(range),
          limit: 100,
          cluster_id: fields.clusters,
          ...(fields.q
            ? { q: fields.q }
            : {
                service: fields.service,
                operation: fields.operation,
                min_duration: fields.min,
                max_duration: fields.max,
                errors_only: fields.errors,
              }),
        },
        signal,
      }),
    retry: false,
    placeholderData: keepPreviousData,
  });

export const trace = (id: string) =>
  queryOptions({
    queryKey: ["trace", id],
    queryFn: ({ signal }) => call<Trace>(`traces/${encodeURIComponent(id)}`, { signal }),
    retry: false,
  });

export const traceServices = (range: TimeRange) =>
  queryOptions({
    queryKey: ["trace-services", range.from, range.to],
    queryFn: ({ signal }) => call<TraceNames>("traces/services", { query: around(range), signal }),
    staleTime: 60_000,
    retry: false,
  });

export const traceOperations = (range: TimeRange, service?: string) =>
  queryOptions({
    queryKey: ["trace-operations", range.from, range.to, service],
    queryFn: ({ signal }) => call<TraceNames>("traces/operations", { query: { ...around(range), service }, signal }),
    staleTime: 60_000,
    retry: false,
  });
