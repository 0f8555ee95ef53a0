/** What the console asks about log patterns. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type LogPattern = Schemas["LogPatternReply"];
export type LogFinding = Schemas["LogFindingReply"];
export type PatternLine = Schemas["PatternLineReply"];
export type PatternCounts = Schemas["Counts"];
export type LogSource = Schemas["LogSourceReply"];

export const CLASSES: Schemas["FailureClass"][] = [
  "DISK",
  "MEMORY",
  "NETWORK",
  "POWER",
  "HARDWARE",
  "AUTH",
  "CERTIFICATE",
  "TIMEOUT",
  "CRASH",
  "OVERLOAD",
  "CONFIGURATION",
];
export const FINDINGS: Schemas["FindingKind"][] = ["NEW", "SURGE", "VANISHED"];
export const PATTERN_SORTS: Schemas["PatternSort"][] = ["last_seen", "count", "first_seen"];

export interface PatternFilters {
  cluster_id?: string;
  severity?: string;
  failure_class?: string;
  finding?: string;
  sort?: string;
}

export const patternPages = (filters: PatternFilters) =>
  infiniteQueryOptions({
    queryKey: ["log-patterns", "pages", filters],
    queryFn: ({ pageParam, signal }) =>
      call<Schemas["LogPatternPage"]>("log-patterns", { query: { ...filters, cursor: pageParam, page_size: 50 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    // Lines are read every 15 s; who waits for the first is not kept waiting.
    refetchInterval: (query) => (query.state.data?.pages[0]?.total ? 15_000 : 3_000),
  });

export const pattern = (patternId: string | undefined) =>
  queryOptions({
    queryKey: ["log-patterns", "one", patternId],
    queryFn: ({ signal }) => call<LogPattern>(`log-patterns/${patternId}`, { signal }),
    enabled: patternId !== undefined,
  });

export const patternLines = (patternId: string) =>
  queryOptions({
    queryKey: ["log-patterns", "lines", patternId],
    queryFn: ({ signal }) => call<Schemas["PatternLines"]>(`log-patterns/${patternId}/lines`, { signal }),
  });

export const patternTimeline = (patternId: string) =>
  queryOptions({
    queryKey: ["log-patterns", "timeline", patternId],
    queryFn: ({ signal }) => call<PatternCounts>(`log-patterns/${patternId}/timeline`, { signal }),
  });

export const patternFindings = (patternId: string) =>
  queryOptions({
    queryKey: ["log-findings", patternId],
    queryFn: ({ signal }) =>
      call<Schemas["LogFindingPage"]>("log-findings", { query: { pattern_id: patternId, page_size: 20 }, signal }),
  });

export const logSources = queryOptions({
  queryKey: ["log-sources"],
  queryFn: ({ signal }) => call<Schemas["LogSources"]>("log-sources", { signal }),
  refetchInterval: 15_000,
});
