/** How people write a rule that shapes alerts, and how the hub wants it. */

import type { IntakeRule, IntakeWish } from "../../api/intake";
import { plural } from "../../lib/format";
import { matchersOf, matcherText } from "../maintenance/terms";

export type Kind = "extraction" | "mapping" | "deduplication";

/** Every field as it is typed; lists are parted by commas. */
export interface Draft {
  kind: Kind;
  name: string;
  position: string;
  enabled: boolean;
  /** Empty: those of everyone. */
  clusters: string[];
  source: string;
  matchers: string;
  of: "LABEL" | "ANNOTATION";
  from: string;
  pattern: string;
  csv: string;
  match: string;
  labels: string;
  overwrite: boolean;
}

export function kindOf(rule: IntakeRule): Kind {
  return rule.mapping ? "mapping" : rule.deduplication ? "deduplication" : "extraction";
}

export function draftOf(rule: IntakeRule | undefined): Draft {
  return {
    kind: rule ? kindOf(rule) : "extraction",
    name: rule?.name ?? "",
    position: String(rule?.position ?? 100),
    enabled: rule?.enabled ?? true,
    clusters: rule?.cluster_ids ?? [],
    source: rule?.source ?? "",
    matchers: rule?.matchers.map(matcherText).join("\n") ?? "",
    of: rule?.extraction?.of ?? "ANNOTATION",
    from: rule?.extraction?.name ?? "summary",
    pattern: rule?.extraction?.pattern ?? "",
    csv: rule?.mapping?.csv ?? "",
    match: rule?.mapping?.match.join(", ") ?? "",
    labels: rule?.deduplication?.labels.join(", ") ?? "",
    overwrite: rule?.extraction?.overwrite ?? rule?.mapping?.overwrite ?? false,
  };
}

const parts = (text: string): string[] => text.split(",").map((one) => one.trim()).filter(Boolean);

/** The rule, or what is wrong with a line of its matchers. */
export function wishOf(draft: Draft): { wish: IntakeWish; wrong: string | null } {
  const { matchers, wrong } = matchersOf(draft.matchers);
  const { kind, overwrite } = draft;
  return {
    wrong,
    wish: {
      name: draft.name.trim(),
      position: Number(draft.position) || 0,
      enabled: draft.enabled,
      cluster_ids: draft.clusters.length ? draft.clusters : null,
      source: draft.source.trim() || null,
      matchers,
      extraction: kind === "extraction" ? { name: draft.from.trim(), pattern: draft.pattern, of: draft.of, overwrite } : null,
      mapping: kind === "mapping" ? { csv: draft.csv, match: parts(draft.match), overwrite } : null,
      deduplication: kind === "deduplication" ? { labels: parts(draft.labels) } : null,
    },
  };
}

/** What a rule does, in a line. */
export function does({ extraction, mapping, deduplication }: IntakeRule): string {
  if (extraction) return `takes labels out of the ${extraction.of.toLowerCase()} ${extraction.name}: ${extraction.pattern}`;
  if (mapping) {
    const [head = "", ...rows] = mapping.csv.split(/\r?\n/).filter((line) => line.trim());
    const set = parts(head).filter((name) => !mapping.match.includes(name));
    return `looks ${mapping.match.join(", ")} up in ${plural(rows.length, "row")} and sets ${set.join(", ")}`;
  }
  const same = deduplication?.labels.length ? `, ${deduplication.labels.join(", ")}` : "";
  return `makes one of alerts with the same name${same}`;
}

/** `name=value` a line; `wrong` is the first line that is none. */
export function labelsOf(text: string): { labels: Record<string, string>; wrong: string | null } {
  const labels: Record<string, string> = {};
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const at = line.indexOf("=");
    if (at < 1) return { labels, wrong: line.trim() };
    labels[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return { labels, wrong: null };
}

export const labelText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value.replaceAll("\n", " ")}`)
    .join("\n");
