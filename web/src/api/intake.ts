import { queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type IntakeRule = Schemas["IntakeRule"];
export type IntakeWish = Partial<Schemas["RuleWish"]> & Pick<Schemas["RuleWish"], "name">;
export type IntakeTried = Schemas["Tried"];

export const intakeRules = queryOptions({
  queryKey: ["alert-intake-rules"],
  queryFn: async ({ signal }) => (await call<{ items: IntakeRule[] }>("alert-intake-rules", { signal })).items,
});
