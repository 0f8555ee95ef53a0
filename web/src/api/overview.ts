/** What the Overview, the Executive dashboard and Storage ask. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { zone } from "../lib/time";
import { call } from "./client";
import type { components } from "./schema.gen";
import type { IncidentSummary, Page } from "./types";

type Schemas = components["schemas"];

export type KpiReport = Schemas["KpiReport"];
export type Kpis = Schemas["Kpis"];
export type KpiBy = Schemas["GroupBy"];
export type Storage = Schemas["StorageReply"];

export const kpis = (days: number, by: KpiBy) =>
  queryOptions({
    queryKey: ["kpis", days, by],
    queryFn: ({ signal }) => call<KpiReport>("kpis", { query: { days, by, zone }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });

/** What struck most, of what is open. */
export const worstIncidents = queryOptions({
  queryKey: ["incidents", "worst"],
  queryFn: ({ signal }) =>
    call<Page<IncidentSummary>>("incidents", { query: { open: true, order: "IMPACT", page_size: 10 }, signal }),
});

export const alertCounts = queryOptions({
  queryKey: ["alerts", "counts", "firing"],
  queryFn: ({ signal }) => call<Schemas["AlertCounts"]>("alerts/counts", { query: { state: "FIRING" }, signal }),
});

export const storage = queryOptions({
  queryKey: ["storage"],
  queryFn: ({ signal }) => call<Storage>("system/storage", { signal }),
});
