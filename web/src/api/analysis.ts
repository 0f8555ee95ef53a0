import { queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];
export type Analysis = Schemas["AnalysisReply"];
export type Runbook = Schemas["Runbook"];
export type RunbookDraft = Schemas["RunbookDraft"];

/** The key begins as that of the incident, so that what changes one renews both. */
export const analysis = (incidentId: string) =>
  queryOptions({
    queryKey: ["incident", incidentId, "analysis"],
    queryFn: ({ signal }) => call<Analysis>(`analysis/${incidentId}`, { signal }),
  });

export type CauseAccuracy = Schemas["CauseAccuracy"];

export const causeAccuracy = queryOptions({
  queryKey: ["analysis", "accuracy"],
  queryFn: ({ signal }) => call<CauseAccuracy>("analysis/accuracy", { signal }),
});

export const runbooks = queryOptions({
  queryKey: ["runbooks"],
  queryFn: ({ signal }) => call<{ items: Runbook[] }>("runbooks", { signal }),
});
