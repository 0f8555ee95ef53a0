import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type Verdict, say, unsay } from "../../api/insight";
import { me, refresh } from "../../api/queries";
import type { Anomaly } from "../../api/types";
import { formatBand, formatValue, sentence, subject } from "../../lib/format";
import { type TimeRange, absolute, clock, stamp } from "../../lib/time";
import { Failure } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";

const AROUND_S = 900;

/** A while before it began to a while after it ended, or to now. */
export function around({ started_at, ended_at }: Pick<Anomaly, "started_at" | "ended_at">): TimeRange {
  const start = Date.parse(started_at) / 1000 - AROUND_S;
  if (ended_at) return absolute({ start, end: Date.parse(ended_at) / 1000 + AROUND_S });
  return { from: String(Math.floor(start * 1000)), to: "now" };
}

function described(anomaly: Anomaly): string {
  if (anomaly.explanation) return anomaly.explanation;
  return `${formatValue(anomaly.value, anomaly.unit)}, expected ${formatBand(anomaly.lower, anomaly.upper, anomaly.unit)}`;
}

/** One anomaly: what it is of, why it is one, and what people said of it. */
export function Why({ anomaly }: { anomaly: Anomaly }) {
  return (
    <div>
      <p className="flex flex-wrap items-center gap-x-3">
        <SeverityMark severity={anomaly.severity} />
        <Link
          to="/metrics-explorer"
          search={{ q: anomaly.query, clusters: [anomaly.cluster_id], ...around(anomaly) }}
          className="link min-w-0 truncate"
          title="Look at it in Metrics"
        >
          {anomaly.title} <span className="font-mono">{subject(anomaly.labels)}</span>
        </Link>
        <span className="text-muted">{sentence(anomaly.kind.replaceAll("_", " "))}</span>
        {anomaly.maintained_by.length ? (
          <span className="text-medium" title="A maintenance window kept it from opening an incident while it took place">
            under maintenance
          </span>
        ) : null}
        <span className="ml-auto whitespace-nowrap text-muted" title={anomaly.end_reason ?? undefined}>
          {anomaly.ended_at ? `ended ${clock(anomaly.ended_at)}` : "now"}
        </span>
      </p>
      <p className="text-muted">{described(anomaly)}</p>
      <Said anomaly={anomaly} />
    </div>
  );
}

const WORDS: Record<Verdict, string> = { REAL: "Real", NOISE: "Noise" };
const HINTS: Record<Verdict, string> = {
  REAL: "Something was wrong: the band of this series stays as learned",
  NOISE: "Nothing was wrong: it ends, and the band of this series is wider for 14 days",
};

/** What was said of an anomaly and what followed; who may act says it here, or takes it back. */
export function Said({ anomaly }: { anomaly: Anomaly }) {
  const client = useQueryClient();
  const user = useQuery(me);
  const told = useMutation({
    mutationFn: (verdict: Verdict | null) =>
      verdict === null ? unsay(anomaly.id) : say(anomaly.id, verdict, "").then(() => undefined),
    onSettled: () => refresh(client, ["groups", "anomalies", "expectations", "incident", "incidents"]),
  });
  const said = anomaly.feedback;
  if (!said && user.data?.role === "viewer") return null;
  return (
    <div className="mt-1 flex flex-wrap items-center gap-x-2 gap-y-1 text-meta">
      {said ? (
        <>
          <span>
            {said.by} called it {WORDS[said.verdict].toLowerCase()}
            {said.until ? `: band ${said.factor} × as wide until ${stamp(said.until)}` : ""}
          </span>
          {user.data?.role === "viewer" ? null : (
            <button type="button" className="link" disabled={told.isPending} onClick={() => told.mutate(null)}>
              Take it back
            </button>
          )}
        </>
      ) : (
        (["REAL", "NOISE"] as const).map((verdict) => (
          <button
            key={verdict}
            type="button"
            className="button h-6 px-2 text-meta"
            title={HINTS[verdict]}
            disabled={told.isPending}
            onClick={() => told.mutate(verdict)}
          >
            {WORDS[verdict]}
          </button>
        ))
      )}
      {told.isError ? <Failure what="Saying so" error={told.error} /> : null}
    </div>
  );
}
