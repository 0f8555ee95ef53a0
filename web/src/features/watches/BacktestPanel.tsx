import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type BacktestWish, type Watch, backtest } from "../../api/insight";
import { clusters } from "../../api/queries";
import { Empty, Failure, SkeletonBlock } from "../../ui/feedback";
import { BacktestResult } from "./BacktestResult";
import type { WatchValues } from "./WatchForm";

const SPANS: [days: number, words: string][] = [
  [1, "day"],
  [7, "week"],
  [14, "2 weeks"],
  [30, "month"],
];

/** Runs a watch, with what is typed in its form, over a cluster's past: what it would have told, and what missed. */
export function BacktestPanel({ watch, draft }: { watch: Watch; draft: WatchValues }) {
  const fleet = useQuery(clusters);
  const may = fleet.data?.filter(({ id }) => watch.clusters === null || watch.clusters.includes(id)) ?? [];
  const [chosen, setChosen] = useState<string>();
  const [days, setDays] = useState(7);
  const of = chosen ?? may[0]?.id;
  const run = useMutation({ mutationFn: backtest });
  const ask = () => {
    if (of) run.mutate(wishOf(watch, draft, of, days));
  };
  return (
    <section className="panel min-w-0 space-y-3 p-3" aria-label="Backtest">
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="font-semibold">Try it on the past</h2>
        <select aria-label="Cluster" className="field ml-auto w-auto" value={of} onChange={(event) => setChosen(event.target.value)}>
          {may.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <select aria-label="How long" className="field w-auto" value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {SPANS.map(([count, words]) => (
            <option key={count} value={count}>
              the last {words}
            </option>
          ))}
        </select>
        <button type="button" className="button button-primary" disabled={run.isPending || !of} onClick={ask}>
          {run.isPending ? "Running…" : "Run"}
        </button>
      </div>
      {run.isError ? <Failure what="The backtest" error={run.error} retry={ask} /> : null}
      {run.isPending ? <SkeletonBlock height={200} /> : null}
      {run.data && !run.isPending ? <BacktestResult told={run.data} /> : null}
      {run.isIdle ? (
        <Empty title="What would it have told?">
          It is run over what the cluster still holds, with the settings as they stand in the form, saved or not. Nobody
          is told anything.
        </Empty>
      ) : null}
    </section>
  );
}

export function wishOf(watch: Watch, draft: WatchValues, clusterId: string, days: number): BacktestWish {
  const start = new Date(Date.now() - days * 86_400_000).toISOString();
  const { learned, sensitivity, threshold, silence_s } = { ...watch, ...draft };
  const terms = { cluster_id: clusterId, start, learned, sensitivity, threshold, silence_s };
  const { query, unit, worse, minimum } = draft;
  if (query === undefined || query === watch.query) return { ...terms, watch: watch.name };
  return { ...terms, query, unit, worse, minimum };
}
