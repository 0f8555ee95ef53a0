import { queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

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

export const teams = queryOptions({
  queryKey: ["teams"],
  queryFn: async ({ signal }) => (await call<{ items: Team[] }>("teams", { signal })).items,
});
