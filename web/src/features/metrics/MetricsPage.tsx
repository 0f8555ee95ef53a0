import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { ApiError } from "../../api/client";
import { type RangeAnswer, clusters, rangeQuery } from "../../api/queries";
import type { ClusterOutcome } from "../../api/types";
import { formatValue, plural, selector, toNumber } from "../../lib/format";
import { ago, isMoving, resolveOrDefault } from "../../lib/time";
import type { MetricsSearch } from "../../router";
import { useLive, useNow, useRange, useZoom } from "../../shell/store";
import { COLOURS, Chart, type ChartData } from "../../ui/Chart";
import { Empty, QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { align, stepsOf } from "../fleet/series";
import { ClusterPicker } from "./ClusterPicker";

const EXAMPLES = [
  "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))",
  "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
  "rate(node_network_receive_bytes_total[1m])",
  "node_load1",
];
const DRAWN = 30;

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
  const data = useMemo<ChartData>(() => {
    const series = answer.series.slice(0, DRAWN);
    const times = stepsOf(series, answer.step);
    return { times, lines: series.map((one) => ({ label: selector(one.metric), values: align(times, one) })) };
  }, [answer]);
  const summary = `${plural(answer.series.length, "series", "series")}, a point every ${answer.step} s`;
  const now = Date.now();
  return (
    <>
      <Completeness outcomes={answer.clusters} updatedAt={updatedAt} />
      {answer.series.length ? (
        <>
          <div className="panel p-2">
            <Chart data={data} unit="" span={resolveOrDefault(range, now)} summary={summary} height={320} onZoom={zoom} />
            <p className="px-1 text-meta text-muted">
              {summary}
              {answer.series.length > DRAWN ? `; the first ${DRAWN} are drawn` : ""}
            </p>
          </div>
          <SeriesTable answer={answer} />
        </>
      ) : (
        <div className="panel">
          <Empty title="No series match">
            The clusters that answered hold nothing for this query in this range. Widen the range or check the name.
          </Empty>
        </div>
      )}
    </>
  );
}

function Completeness({ outcomes, updatedAt }: { outcomes: ClusterOutcome[]; updatedAt: number }) {
  const now = useNow();
  const failed = outcomes.filter(({ status }) => status !== "SUCCESS");
  const slowest = Math.max(0, ...outcomes.map(({ latency_ms }) => latency_ms));
  return (
    <p className={failed.length ? "text-high" : "text-muted"} role={failed.length ? "alert" : undefined}>
      {outcomes.length - failed.length} of {plural(outcomes.length, "cluster")} answered
      {failed.map((one) => `; ${one.cluster} ${explain(one)}`).join("")}
      <span className="text-muted">
        {" "}
        · slowest {formatValue(slowest / 1000, "seconds")} · {ago(updatedAt, now)}
      </span>
    </p>
  );
}

function explain({ status, error, latency_ms }: ClusterOutcome): string {
  if (status === "TIMEOUT") return `timed out after ${formatValue(latency_ms / 1000, "seconds")}`;
  if (status === "PARTIAL") return `answered in part${error ? `: ${error}` : ""}`;
  return `failed${error ? `: ${error}` : ""}`;
}

function SeriesTable({ answer }: { answer: RangeAnswer }) {
  return (
    <div className="panel overflow-x-auto">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Series</th>
            <th scope="col">Cluster</th>
            <th scope="col" className="text-right">
              Last
            </th>
          </tr>
        </thead>
        <tbody>
          {answer.series.slice(0, 200).map((one, at) => {
            const { cluster = "", ...metric } = one.metric;
            const last = one.values.at(-1)?.[1];
            return (
              <tr key={selector(one.metric)}>
                <td className="font-mono text-meta">
                  <span
                    aria-hidden="true"
                    className="mr-2 inline-block h-0.5 w-3 align-middle"
                    style={{ background: at < DRAWN ? `var(${lineColour(at, answer.series.length)})` : undefined }}
                  />
                  {selector(metric) || "{}"}
                </td>
                <td className="font-mono whitespace-nowrap">{cluster}</td>
                <td className="text-right whitespace-nowrap">
                  {last === undefined ? "–" : toNumber(last) === null ? last : formatValue(toNumber(last))}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {answer.series.length > 200 ? (
        <p className="px-3 py-2 text-muted">The first 200 of {answer.series.length} are listed.</p>
      ) : null}
    </div>
  );
}

function lineColour(at: number, count: number): string {
  return count === 1 ? "--measured" : (COLOURS[at % COLOURS.length] ?? "--measured");
}
