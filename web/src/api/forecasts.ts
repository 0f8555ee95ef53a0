/** What the console asks of forecasts. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Forecast = Schemas["ForecastReply"];
export type ForecastDetail = Schemas["ForecastDetail"];
export type ForecastPage = Schemas["ForecastPage"];
export type ForecastScores = Schemas["ForecastScores"];
export type Score = Schemas["Score"];
export type ForecastOfSeries = Schemas["ForecastOfSeries"];
export type ForecastsOfQuery = Schemas["ForecastsOfQuery"];

/** The most urgent first; those that cross and those that are refused apart. */
export const forecastPages = (outlook: Forecast["outlook"], clusterId: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ["forecasts", outlook, clusterId],
    queryFn: ({ pageParam, signal }) =>
      call<ForecastPage>("forecasts", { query: { outlook, cluster_id: clusterId, cursor: pageParam, page_size: 20 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });

export const forecast = (id: string) =>
  queryOptions({
    queryKey: ["forecast", id],
    queryFn: ({ signal }) => call<ForecastDetail>(`forecasts/${id}`, { signal }),
  });

export const forecastScores = queryOptions({
  queryKey: ["forecasts", "score"],
  queryFn: ({ signal }) => call<ForecastScores>("forecasts/score", { signal }),
  refetchInterval: 60_000,
});

interface Ask {
  query: string;
  clusterIds: string[] | undefined;
  windowS: number;
  threshold: number | null;
}

export const forecastOfQuery = ({ query, clusterIds, windowS, threshold }: Ask) =>
  queryOptions({
    queryKey: ["forecast-of", query, clusterIds, windowS, threshold],
    queryFn: ({ signal }) =>
      call<ForecastsOfQuery>("forecasts/query", {
        method: "POST",
        body: { query, cluster_ids: clusterIds?.length ? clusterIds : null, window_s: windowS, threshold },
        signal,
      }),
    staleTime: 60_000,
    retry: false,
  });
