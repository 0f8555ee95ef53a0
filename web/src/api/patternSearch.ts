/** What the console asks of the search over log patterns. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type PatternHit = Schemas["PatternHit"];
export type PatternHits = Schemas["PatternHits"];

/** The hub's most; what is further down is nothing like the question. */
const MOST = 50;

export const patternsFound = (q: string | undefined, clusterId?: string) =>
  queryOptions({
    queryKey: ["log-patterns", "found", q, clusterId],
    queryFn: ({ signal }) =>
      call<PatternHits>("log-patterns/search", { query: { q, cluster_id: clusterId, limit: MOST }, signal }),
    enabled: Boolean(q?.trim()),
    retry: false,
    staleTime: 30_000,
    refetchInterval: ({ state }) => (state.data?.waiting ? 5_000 : false),
    placeholderData: keepPreviousData,
  });

export const patternsAlike = (patternId: string | undefined) =>
  queryOptions({
    queryKey: ["log-patterns", "alike", patternId],
    queryFn: ({ signal }) => call<PatternHits>(`log-patterns/${patternId}/alike`, { query: { limit: 10 }, signal }),
    enabled: patternId !== undefined,
    retry: false,
    staleTime: 30_000,
  });
