import { Link } from "@tanstack/react-router";
import type { Incident } from "../../api/types";
import { ago, stamp } from "../../lib/time";
import { useNow } from "../../shell/store";
import { SeverityMark } from "../../ui/marks";

type Finding = Incident["findings"][number];

/** A forecast or a log pattern as a member: what it says, why it is here, and where to look further. */
export function FindingMember({ finding: one }: { finding: Finding }) {
  const now = useNow();
  return (
    <div className="min-w-0">
      <p className="flex items-baseline gap-3">
        <SeverityMark severity={one.severity} />
        <span className="min-w-0 font-medium break-words">{one.phrase}</span>
      </p>
      <p className="mt-0.5 text-muted">
        {one.explanation}{" "}
        <span title={stamp(one.started_at)}>
          · began {ago(one.started_at, now)}
          {one.ended_at ? `, ended ${ago(one.ended_at, now)}` : ""}
        </span>
      </p>
      {one.reason ? <p className="mt-0.5 text-meta text-muted">{one.reason}</p> : null}
      {one.kind === "LOG_PATTERN" ? (
        <Link to="/patterns" search={{ open: one.source_id }} className="link text-meta">
          Open in Patterns
        </Link>
      ) : one.ended_at ? null : (
        <Link to="/insights" search={{ open: one.source_id }} className="link text-meta">
          Open in Insights
        </Link>
      )}
    </div>
  );
}
