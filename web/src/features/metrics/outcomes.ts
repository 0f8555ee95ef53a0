import type { ClusterOutcome } from "../../api/types";
import { formatValue } from "../../lib/format";

/** Those whose part of the answer is missing, wholly or partly. */
export function lacking(outcomes: readonly ClusterOutcome[]): ClusterOutcome[] {
  return outcomes.filter(({ status }) => status !== "SUCCESS");
}

export function explained({ status, error, latency_ms }: Omit<ClusterOutcome, "cluster" | "cluster_id">): string {
  if (status === "TIMEOUT") return `timed out after ${formatValue(latency_ms / 1000, "seconds")}`;
  // It stands within a sentence.
  const why = error ? `: ${error.replace(/\.$/, "")}` : "";
  return status === "PARTIAL" ? `answered in part${why}` : `failed${why}`;
}

/** Where the answer is coarser than what was asked for, because samples are past their retention; by cluster, unless
 * all say the same. */
export function coarser(outcomes: readonly ClusterOutcome[]): string[] {
  const noted = new Map<string, string[]>();
  for (const { cluster, notes } of outcomes)
    for (const note of notes) noted.set(note, [...(noted.get(note) ?? []), cluster]);
  return [...noted].map(([note, clusters]) =>
    clusters.length === outcomes.length ? note : `${clusters.join(", ")}: ${note}`,
  );
}
