import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { rangeQuery } from "../../api/queries";
import type { Evidence } from "../../api/types";
import { absolute, ago, clock } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Chart } from "../../ui/Chart";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { bandQueries, drawnSpan, evidenceChart, onwards, outcomeWords, spanOf, windowWords } from "./evidence";

interface Props {
  evidence: Evidence;
  movedAt: string;
  unit: string;
  /** What was changed around it. */
  changes: { at: number; word: string }[];
}

function useEvidence(evidence: Evidence) {
  // What came after the claim tells whether it lasted; once drawn, the window stays as it is.
  const [asked] = useState(() => onwards(spanOf(evidence), Date.now() / 1000));
  const ask = {
    range: absolute(asked),
    step: evidence.step_s || undefined,
    clusterIds: evidence.cluster_id ? [evidence.cluster_id] : [],
  };
  const bounds = bandQueries(evidence.query);
  const measured = useQuery(rangeQuery({ ...ask, query: evidence.query }));
  const lower = useQuery(rangeQuery({ ...ask, query: bounds?.lower ?? "" }));
  const upper = useQuery(rangeQuery({ ...ask, query: bounds?.upper ?? "" }));
  const data = useMemo(
    () =>
      measured.data
        ? evidenceChart(measured.data, lower.data && upper.data ? { lower: lower.data, upper: upper.data } : undefined)
        : null,
    [measured.data, lower.data, upper.data],
  );
  return { ask, asked, measured, data };
}

/** Runs the query of a claim again, over the window of the claim, and draws what it gives. */
export function EvidenceChart({ evidence, movedAt, unit, changes }: Props) {
  const now = useNow();
  const { ask, asked, measured, data } = useEvidence(evidence);
  const whole = spanOf(evidence);
  const { span, from } = drawnSpan(asked, data?.times ?? []);
  const answer = measured.data;
  return (
    <section className="mt-3 border-t border-line pt-2">
      <h4 className="font-medium">{evidence.title}</h4>
      <p className="mb-1 text-muted">{evidence.finding}</p>
      <QueryFailure what="Running the evidence again" query={measured} />
      {measured.isPending ? <SkeletonBlock height={160} /> : null}
      {data && answer ? (
        <Chart
          data={data}
          unit={unit}
          span={span}
          summary={`${evidence.title}: ${evidence.finding}; ${outcomeWords(answer, data)}`}
          rules={[...changes, { at: Date.parse(movedAt) / 1000, word: `moved ${clock(movedAt)}` }]}
        />
      ) : answer ? (
        <p className="grid h-20 place-items-center text-muted">
          {answer.clusters.find(({ error }) => error)?.error ?? "The query gives no values for this window now."}
        </p>
      ) : null}
      <dl className="mt-1 grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-meta text-muted">
        <dt>Query</dt>
        <dd className="font-mono break-all text-text">{evidence.query}</dd>
        <dt>Window</dt>
        <dd>
          {windowWords(whole, evidence.step_s)}
          {asked.end > whole.end ? `; drawn on until ${clock(new Date(asked.end * 1000))}` : ""}
          {from === null ? null : `; the hub’s own record begins at ${clock(new Date(from * 1000))}`}
        </dd>
        <dt>Answer</dt>
        <dd>{answer ? `${outcomeWords(answer, data)}, asked ${ago(measured.dataUpdatedAt, now)}` : "none yet"}</dd>
      </dl>
      <p className="mt-1.5 flex flex-wrap items-center gap-3">
        <button type="button" className="button h-7" disabled={measured.isFetching} onClick={() => void measured.refetch()}>
          {measured.isFetching ? "Running…" : "Run again"}
        </button>
        <Link
          to="/metrics-explorer"
          search={{ q: evidence.query, clusters: evidence.cluster_id ? [evidence.cluster_id] : [], ...ask.range }}
          className="link"
        >
          Open in Metrics
        </Link>
      </p>
    </section>
  );
}
