import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { rangeQuery } from "../../api/queries";
import type { Evidence } from "../../api/types";
import { subject } from "../../lib/format";
import { absolute } from "../../lib/time";
import { Chart, type ChartData } from "../../ui/Chart";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { align, stepsOf } from "../fleet/series";

interface Props {
  evidence: Evidence;
  movedAt: string;
  unit: string;
}

/** Runs the query of a claim again, over the window of the claim, and draws what it gives. */
export function EvidenceChart({ evidence, movedAt, unit }: Props) {
  const span = { start: Date.parse(evidence.start) / 1000, end: Date.parse(evidence.end) / 1000 };
  const range = absolute(span);
  const answer = useQuery(
    rangeQuery({ query: evidence.query, range, step: evidence.step_s || undefined, clusterIds: [evidence.cluster_id] }),
  );
  const data = useMemo<ChartData | null>(() => {
    if (!answer.data?.series.length) return null;
    const series = answer.data.series.slice(0, 12);
    const times = stepsOf(series, answer.data.step);
    return {
      times,
      lines: series.map((one) => ({ label: subject(one.metric) || "value", values: align(times, one) })),
    };
  }, [answer.data]);
  return (
    <section className="mt-3 border-t border-line pt-2">
      <h4 className="font-medium">{evidence.title}</h4>
      <p className="mb-1 text-muted">{evidence.finding}</p>
      <QueryFailure what="Running the evidence again" query={answer} />
      {answer.isPending ? <SkeletonBlock height={160} /> : null}
      {data ? (
        <Chart
          data={data}
          unit={unit}
          span={span}
          summary={`${evidence.title}: ${evidence.finding}`}
          rules={[{ at: Date.parse(movedAt) / 1000, word: "moved" }]}
        />
      ) : answer.data ? (
        <p className="grid h-20 place-items-center text-muted">
          {answer.data.clusters.find(({ error }) => error)?.error ?? "The query gives no samples for this window now."}
        </p>
      ) : null}
      <p className="flex flex-wrap items-baseline gap-x-3 font-mono text-meta text-muted">
        <span className="min-w-0 break-all">{evidence.query}</span>
        <Link
          to="/metrics-explorer"
          search={{ q: evidence.query, clusters: [evidence.cluster_id], ...range }}
          className="link font-sans"
        >
          Open in Metrics
        </Link>
      </p>
    </section>
  );
}
