import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Evidence } from "../../api/types";

const WORDS: Record<string, string> = {
  ALERT: "Alert",
  TOPOLOGY: "Topology",
  CHANGE: "Change",
  LOG_PATTERN: "Log pattern",
  TRACE: "Traces",
};

/** Something known that is no series, with the way to see it again. */
export function StructureEvidence({ evidence }: { evidence: Evidence }) {
  return (
    <li className="grid grid-cols-[84px_minmax(0,1fr)] gap-x-3">
      <span className="text-muted">{WORDS[evidence.kind ?? ""] ?? evidence.kind}</span>
      <span className="min-w-0">
        <span className={evidence.kind === "LOG_PATTERN" ? "font-mono break-words" : "break-words"}>{evidence.title}</span>
        <span className="text-muted"> — {evidence.finding}</span> <Again evidence={evidence} />
      </span>
    </li>
  );
}

function Again({ evidence }: { evidence: Evidence }): ReactNode {
  const [id] = evidence.ids ?? [];
  if (evidence.kind === "ALERT" && id && evidence.cluster_id)
    return (
      <Link to="/alerts" search={{ open: `${evidence.cluster_id}/${id}` }} className="link underline">
        Open the alert
      </Link>
    );
  if (evidence.kind === "TRACE" && id)
    return (
      <Link to="/traces/$traceId" params={{ traceId: id }} className="link underline">
        Open a trace
      </Link>
    );
  if (evidence.kind === "CHANGE")
    return (
      <Link to="/changes" className="link underline">
        Open the changes
      </Link>
    );
  if (evidence.kind === "TOPOLOGY")
    return (
      <Link to="/topology" className="link underline">
        Open the topology
      </Link>
    );
  if (evidence.kind === "LOG_PATTERN")
    return (
      <Link to="/patterns" className="link underline">
        Open the patterns
      </Link>
    );
  return null;
}
