import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { createContext, useMemo } from "react";
import { call } from "../../api/client";
import type { Alert, AlertsPlaced, IncidentBrief } from "../../api/types";
import { idOf } from "./words";

/** As many are asked for at once: more would be an address that proxies refuse. */
const AT_ONCE = 50;

/** By an alert's id: the incident that holds its latest episode. */
export const IncidentsOf = createContext<Map<string, IncidentBrief>>(new Map());

/** Of the alerts in sight, and of what stands in one request with them. */
export function useIncidentsOf(items: Alert[], first: number, last: number): Map<string, IncidentBrief> {
  const blocks = useMemo(() => {
    const found: string[][] = [];
    for (let start = first - (first % AT_ONCE); start <= last; start += AT_ONCE) {
      const ids = items.slice(start, start + AT_ONCE).map(idOf);
      if (ids.length) found.push(ids);
    }
    return found;
  }, [items, first - (first % AT_ONCE), last - (last % AT_ONCE)]);
  return useQueries({
    queries: blocks.map((alert) => ({
      queryKey: ["incidents", "of-alerts", alert],
      queryFn: ({ signal }: { signal: AbortSignal }) => call<AlertsPlaced>("alert-incidents/latest", { query: { alert }, signal }),
      placeholderData: keepPreviousData<AlertsPlaced>,
      staleTime: 10_000,
    })),
    combine: byAlert,
  });
}

function byAlert(answers: { data: AlertsPlaced | undefined }[]): Map<string, IncidentBrief> {
  const found = new Map<string, IncidentBrief>();
  for (const { data } of answers) {
    const incidents = new Map(data?.incidents.map((one) => [one.id, one]));
    for (const place of data?.places ?? []) {
      const incident = incidents.get(place.incident_id);
      if (incident) found.set(idOf(place), incident);
    }
  }
  return found;
}
