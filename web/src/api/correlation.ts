import { queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";
import type { IncidentSummary, Page } from "./types";

type Schemas = components["schemas"];

export type CorrelationRule = Schemas["CorrelationRule"];
export type RuleDraft = Partial<Schemas["RuleDraft"]> & Pick<Schemas["RuleDraft"], "name" | "expression">;
export type RuleAction = Schemas["RuleAction"];
export type Tried = Schemas["RuleTried"];
export type Team = Schemas["Team"];
export type TeamDraft = Schemas["TeamDraft"];
export type NewIncident = Partial<Schemas["NewIncident"]> & Pick<Schemas["NewIncident"], "title" | "severity" | "clusters">;
export type IncidentChange = Schemas["IncidentChange"];

export const rules = queryOptions({
  queryKey: ["correlation-rules"],
  queryFn: async ({ signal }) => (await call<{ items: CorrelationRule[] }>("correlation-rules", { signal })).items,
});

/** What a team has to do now, the worst first. */
export const ownedNow = (teamId: string) =>
  queryOptions({
    queryKey: ["incidents", "owned", teamId],
    queryFn: ({ signal }) =>
      call<Page<IncidentSummary>>("incidents", {
        query: { team_id: teamId, open: true, order: "IMPACT", page_size: 5 },
        signal,
      }),
    refetchInterval: 30_000,
  });

export const teams = queryOptions({
  queryKey: ["teams"],
  queryFn: async ({ signal }) => (await call<{ items: Team[] }>("teams", { signal })).items,
});
