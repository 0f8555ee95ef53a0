import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";
import type { Page } from "./types";

type Schemas = components["schemas"];

export type ReplayRun = Schemas["ReplayRun"];
export type ReplayDetail = Schemas["ReplayDetail"];
export type ReplayResult = Schemas["ReplayResult"];
export type ReplayedIncident = Schemas["ReplayedIncident"];
export type ReplayWish = Partial<Schemas["ReplayWish"]>;

const LOOK_AGAIN_MS = 1000;

const waits = ({ status }: ReplayRun): boolean => status === "QUEUED" || status === "RUNNING";

export const replays = queryOptions({
  queryKey: ["replays"],
  queryFn: ({ signal }) => call<Page<ReplayRun>>("replays", { query: { page_size: 50 }, signal }),
  refetchInterval: ({ state }) => (state.data?.items.some(waits) ? LOOK_AGAIN_MS : false),
  placeholderData: keepPreviousData,
});

export const replay = (id: string) =>
  queryOptions({
    queryKey: ["replays", id],
    queryFn: ({ signal }) => call<ReplayDetail>(`replays/${id}`, { signal }),
    refetchInterval: ({ state }) => (state.data && waits(state.data.replay) ? LOOK_AGAIN_MS : false),
  });
