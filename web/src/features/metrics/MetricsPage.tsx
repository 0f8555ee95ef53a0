import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { ApiError } from "../../api/client";
import { type RangeAnswer, clusters, rangeQuery } from "../../api/queries";
import { plural, selector } from "../../lib/format";
import { isMoving, resolveOrDefault } from "../../lib/time";
import type { MetricsSearch } from "../../router";
import { useLive, useRange, useZoom } from "../../shell/store";
import { Chart, type ChartData } from "../../ui/Chart";
import { Empty, QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { align, stepsOf } from "../fleet/series";
import { ClusterPicker } from "./ClusterPicker";
import { Completeness } from "./Completeness";
import { DRAWN, SeriesTable } from "./SeriesTable";

const EXAMPLES = [
  "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))",
  "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
  "rate(node_network_receive_bytes_total[1m])",
  "node_load1",
];

export function MetricsPage() {
  const search: MetricsSearch = useSearch({ from: "/shell/metrics-explorer" });
  const navigate = useNavigate({ from: "/metrics-explorer" });
  const [range] = useRange();
  const { paused } = useLive();
  const fleet = useQuery(clusters);
  const [typed, setTyped] = useState(search.q ?? "");
  useEffect(() => setTyped(search.q ?? ""), [search.q]);
  const live = !paused && isMoving(range);
  const answer = useQuery(rangeQuery({ query: search.q ?? "", range, clusterIds: search.clusters, live }));
  const run = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim() === search.q) void answer.refetch();
    else void navigate({ search: (old) => ({ ...old, q: typed.trim() || undefined }) });
  };
  return (
    <Page>
      <PageHead title="Metrics" />
      <form onSubmit={run} className="mb-3 flex flex-wrap gap-2">
        <textarea
          data-search
          aria-label="PromQL"
          className="field h-auto min-h-8 flex-1 basis-80 resize-y py-1.5 font-mono"
          rows={Math.min(6, typed.split("\n").length)}
          spellCheck={false}
          placeholder="PromQL, such as rate(node_network_receive_bytes_total[1m])"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey) {
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }
          }}
        />
        <ClusterPicker
          clusters={fleet.data ?? []}
          chosen={search.clusters ?? []}
          onChange={(chosen) =>
            void navigate({ search: (old) => ({ ...old, clusters: chosen.length ? chosen : undefined }) })
          }
        />
        <button type="submit" className="button button-primary">
          Run
        </button>
      </form>
      {search.q ? (
        <div className="space-y-3">
          <Position query={search.q} error={answer.error} />
          <QueryFailure what="The query" query={answer} />
          {answer.isPending ? <SkeletonBlock height={320} /> : null}
          {answer.data ? <Answer answer={answer.data} updatedAt={answer.dataUpdatedAt} /> : null}
        </div>
      ) : (
        <div className="panel">
          <Empty title="Ask something">
            <ul className="mt-2 space-y-1">
              {EXAMPLES.map((example) => (
                <li key={example}>
                  <button
                    type="button"
                    className="link font-mono"
                    onClick={() => void navigate({ search: (old) => ({ ...old, q: example }) })}
                  >
                    {example}
                  </button>
                </li>
              ))}
            </ul>
          </Empty>
        </div>
      )}
    </Page>
  );
}

/** Where in the query the hub stopped understanding, when it says so. */
function Position({ query, error }: { query: string; error: unknown }) {
  const position = error instanceof ApiError ? error.details?.position : undefined;
  if (typeof position !== "number" || position < 1 || position > query.length + 1) return null;
  return (
    <pre className="panel overflow-x-auto px-3 py-2 font-mono text-meta">
      {query}
      {"\n"}
      <span className="text-critical">{`${" ".repeat(position - 1)}^ position ${position}`}</span>
    </pre>
  );
}

function Answer({ answer, updatedAt }: { answer: RangeAnswer; updatedAt: number }) {
  const [range] = useRange();
  const zoom = useZoom();
  const [forward, setForward] = useState<number | null>(null);
  const [only, setOnly] = useState<string | null>(null);
  const drawn = useMemo(() => answer.series.slice(0, DRAWN), [answer]);
  const alone = drawn.findIndex(({ metric }) => selector(metric) === only);
  const data = useMemo<ChartData>(() => {
    const lines = drawn.map((one, at) => ({ at, one })).filter(({ at }) => alone < 0 || at === alone);
    const times = stepsOf(drawn, answer.step);
    return {
      times,
      lines: lines.map(({ at, one }) => ({
        label: selector(one.metric),
        values: align(times, one),
        at: drawn.length > 1 ? at : undefined,
      })),
    };
  }, [answer, drawn, alone]);
  const summary = `${plural(answer.series.length, "series", "series")}, a point every ${answer.step} s`;
  const now = Date.now();
  return (
    <>
      <Completeness outcomes={answer.clusters} updatedAt={updatedAt} />
      {answer.series.length ? (
        <>
          <div className="panel p-2">
            <Chart
              data={data}
              unit=""
              span={resolveOrDefault(range, now)}
              summary={summary}
              height={320}
              onZoom={zoom}
              forward={alone < 0 ? forward : null}
              onForward={setForward}
            />
            <p className="px-1 text-meta text-muted">
              {summary}
              {answer.series.length > DRAWN ? `; the first ${DRAWN} are drawn` : ""}
              {alone < 0 ? "" : "; one of them alone"}
            </p>
          </div>
          <SeriesTable
            answer={answer}
            forward={forward}
            alone={alone < 0 ? null : alone}
            onForward={setForward}
            onAlone={(at) => setOnly(at === null ? null : selector(drawn[at]?.metric ?? {}))}
          />
        </>
      ) : (
        <div className="panel">
          <Empty title="No series match">
            {answer.clusters.some(({ status }) => status === "SUCCESS")
              ? "The clusters that answered hold nothing for this query in this range. Widen the range or check the name."
              : "No cluster answered, so nothing is known."}
          </Empty>
        </div>
      )}
    </>
  );
}
