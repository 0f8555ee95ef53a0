import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type TimeRange, resolveOrDefault } from "../lib/time";
import { call } from "./client";
import type { components } from "./schema.gen";
import type { Page } from "./types";

type Schemas = components["schemas"];

export type Window = Schemas["WindowReply"];
export type WindowWish = Partial<Schemas["WindowWish"]> & Pick<Schemas["WindowWish"], "title" | "timezone" | "starts_local" | "duration_s">;
export type Preview = Schemas["PreviewReply"];
export type OnCalendar = Schemas["OnCalendar"];
export type Reminder = Schemas["ReminderReply"];
export type Matcher = Schemas["SilenceMatcher"];
export type Change = Schemas["ChangeReply"];

export type ChangeSource = Schemas["ChangeSource"];
export type NewChangeSource = Schemas["CreatedChangeSource"];
export type WatchedCluster = Schemas["WatchedCluster"];

export const changeSources = queryOptions({
  queryKey: ["changes", "sources"],
  queryFn: ({ signal }) => call<{ items: ChangeSource[] }>("change-sources", { signal }),
});

/** Clusters whose own API is asked for changes. */
export const watchedClusters = queryOptions({
  queryKey: ["changes", "clusters"],
  queryFn: ({ signal }) => call<WatchedCluster[]>("change-sources/clusters", { signal }),
  refetchInterval: 60_000,
});

export type Silence = Schemas["Silence"];

export const silences = queryOptions({
  queryKey: ["maintenance", "silences"],
  queryFn: ({ signal }) => call<Schemas["SilencesFound"]>("silences", { signal }),
  refetchInterval: 60_000,
});

export const windows = queryOptions({
  queryKey: ["maintenance", "windows"],
  queryFn: ({ signal }) => call<{ items: Window[] }>("maintenance", { signal }),
  refetchInterval: 60_000,
});

export const calendar = (start: Date, end: Date) =>
  queryOptions({
    queryKey: ["maintenance", "calendar", start.getTime(), end.getTime()],
    queryFn: ({ signal }) =>
      call<{ items: OnCalendar[] }>("maintenance/calendar", { query: { start: start.toISOString(), end: end.toISOString() }, signal }),
    placeholderData: keepPreviousData,
  });

export const reminders = queryOptions({
  queryKey: ["maintenance", "reminders"],
  queryFn: ({ signal }) => call<{ items: Reminder[] }>("silence-reminders", { signal }),
  refetchInterval: 60_000,
});

/** What a draft would hide; nothing is asked while it is none yet. */
export const preview = (draft: WindowWish | null) =>
  queryOptions({
    queryKey: ["maintenance", "preview", draft],
    queryFn: ({ signal }) => call<Preview>("maintenance/preview", { method: "POST", body: draft, signal }),
    enabled: draft !== null,
    placeholderData: keepPreviousData,
    retry: false,
  });

export interface ChangeFilters {
  cluster_id?: string;
  kind?: string;
  q?: string;
}

export const changes = (filters: ChangeFilters) =>
  infiniteQueryOptions({
    queryKey: ["changes", filters],
    queryFn: ({ pageParam, signal }) =>
      call<Page<Change>>("changes", { query: { ...filters, cursor: pageParam, page_size: 50 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

/** The latest that took effect in a range. */
export const changesBetween = (range: TimeRange, clusterIds: string[] | undefined, live: boolean) =>
  queryOptions({
    queryKey: ["changes", "between", range.from, range.to, clusterIds],
    queryFn: ({ signal }) => {
      const { start, end } = resolveOrDefault(range, Date.now());
      const query = {
        start: new Date(start * 1000).toISOString(),
        end: new Date(end * 1000).toISOString(),
        cluster_id: clusterIds,
        unplaced: true,
        page_size: 20,
      };
      return call<Page<Change>>("changes", { query, signal });
    },
    refetchInterval: live ? 30_000 : false,
    placeholderData: keepPreviousData,
  });
