import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";
import type { Page } from "./types";

type Schemas = components["schemas"];

export type TopologyNode = Schemas["TopologyNode"];
export type TopologyGraph = Schemas["TopologyGraph"];
export type TopologyFar = Schemas["TopologyFar"];
export type TopologyGroup = Schemas["TopologyGroup"];
export type TopologyOrigin = Schemas["TopologyOrigin"];
export type NodeKind = Schemas["NodeKind"];
export type Way = "BOTH" | "NEEDS" | "NEEDED_BY";

export interface NodeFilters {
  search?: string;
  kind?: string;
  cluster_id?: string;
  namespace?: string;
  unhealthy?: boolean;
}

const EVERY_MS = 15_000;

export const topologyFar = (clusterId: string | undefined, live: boolean) =>
  queryOptions({
    queryKey: ["topology", "far", clusterId],
    queryFn: ({ signal }) => call<TopologyFar>("topology", { query: { cluster_id: clusterId }, signal }),
    refetchInterval: live ? EVERY_MS : false,
    placeholderData: keepPreviousData,
  });

export const topologyNodes = (filters: NodeFilters) =>
  infiniteQueryOptions({
    queryKey: ["topology", "nodes", filters],
    queryFn: ({ pageParam, signal }) =>
      call<Page<TopologyNode>>("topology/nodes", { query: { ...filters, cursor: pageParam, page_size: 50 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export const topologyNode = (id: string) =>
  queryOptions({
    queryKey: ["topology", "node", id],
    queryFn: ({ signal }) => call<Schemas["TopologyNodeDetail"]>(`topology/nodes/${id}`, { signal }),
    retry: false,
  });

export const topologyAround = (id: string, depth: number, way: Way, live: boolean) =>
  queryOptions({
    queryKey: ["topology", "around", id, depth, way],
    queryFn: ({ signal }) =>
      call<TopologyGraph>(`topology/nodes/${id}/neighbours`, { query: { depth, way, limit: 120 }, signal }),
    refetchInterval: live ? EVERY_MS : false,
    placeholderData: keepPreviousData,
    retry: false,
  });

export const topologyImpact = (id: string) =>
  queryOptions({
    queryKey: ["topology", "impact", id],
    queryFn: ({ signal }) => call<Schemas["TopologyImpact"]>(`topology/nodes/${id}/impact`, { signal }),
    retry: false,
  });

/** The key begins as that of the incident, so that what changes one renews both. */
export const incidentTopology = (incidentId: string) =>
  queryOptions({
    queryKey: ["incident", incidentId, "topology"],
    queryFn: ({ signal }) => call<Schemas["IncidentGraph"]>(`incidents/${incidentId}/topology`, { signal }),
  });

export const topologyOrigins = queryOptions({
  queryKey: ["topology", "origins"],
  queryFn: ({ signal }) => call<TopologyOrigin[]>("topology/origins", { signal }),
  refetchInterval: 60_000,
});
