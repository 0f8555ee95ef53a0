import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type AuditEntry = Schemas["AuditEntry"];

export interface AuditFilters {
  who?: string;
  q?: string;
  outcome?: string;
  cluster_id?: string;
}

export const auditTrail = (filters: AuditFilters) =>
  infiniteQueryOptions({
    queryKey: ["audit", filters],
    queryFn: ({ pageParam, signal }) => call<Schemas["AuditPage"]>("audit", { query: { ...filters, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
