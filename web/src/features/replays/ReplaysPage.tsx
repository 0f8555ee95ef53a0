import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/client";
import { clusters, me } from "../../api/queries";
import { type ReplayRun, type ReplayWish, replays } from "../../api/replays";
import { plural } from "../../lib/format";
import { stamp } from "../../lib/time";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { Standing, spanOf } from "./Standing";

const SPANS: [days: number, words: string][] = [
  [1, "day"],
  [7, "week"],
  [14, "2 weeks"],
  [30, "month"],
];
const ALL = "";

export function ReplaysPage() {
  const list = useQuery(replays);
  const user = useQuery(me);
  const operator = user.data !== undefined && user.data.role !== "viewer";
  return (
    <Page>
      <PageHead title="Replay" note="What the hub would have made of the past: nobody is told of it" />
      <div className="space-y-3">
        {operator ? <Ask /> : null}
        <QueryFailure what="Reading the replays" query={list} />
        <div className="panel overflow-x-auto">
          {list.isPending ? <Skeleton rows={4} /> : null}
          {list.data?.items.length ? <Rows items={list.data.items} operator={operator} /> : null}
          {list.data && !list.data.items.length ? (
            <Empty title="No replay yet">
              {operator ? (
                <>
                  Ask for last week: its alerts become incidents, each with what moved first. A Prometheus that no hub
                  watches yet is asked by <code className="font-mono whitespace-nowrap">aiops replay --prometheus URL</code>.
                </>
              ) : (
                "An operator can run the past of your clusters through the hub."
              )}
            </Empty>
          ) : null}
        </div>
      </div>
    </Page>
  );
}

function Ask() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const fleet = useQuery(clusters);
  const may = fleet.data?.filter(({ prometheus_url }) => prometheus_url) ?? [];
  const [days, setDays] = useState(7);
  const [chosen, setChosen] = useState(ALL);
  const ask = useMutation({
    mutationFn: (body: ReplayWish) => call<ReplayRun>("replays", { method: "POST", body }),
    onSuccess: ({ id }) => {
      void client.invalidateQueries({ queryKey: ["replays"] });
      void navigate({ to: "/replays/$replayId", params: { replayId: id } });
    },
  });
  const run = () => {
    const start = new Date(Date.now() - days * 86_400_000).toISOString();
    ask.mutate(chosen === ALL ? { start } : { start, cluster_ids: [chosen] });
  };
  return (
    <section className="panel space-y-2 p-3" aria-label="A new replay">
      <div className="flex flex-wrap items-center gap-2">
        <span>Replay the last</span>
        <select aria-label="How long" className="field w-auto" value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {SPANS.map(([count, words]) => (
            <option key={count} value={count}>
              {words}
            </option>
          ))}
        </select>
        <span>of</span>
        <select aria-label="Cluster" className="field w-auto" value={chosen} onChange={(event) => setChosen(event.target.value)}>
          <option value={ALL}>{may.length === 1 ? may[0]?.name : `all ${plural(may.length, "cluster")}`}</option>
          {may.length > 1
            ? may.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))
            : null}
        </select>
        <button type="button" className="button button-primary" disabled={ask.isPending || !may.length} onClick={run}>
          {ask.isPending ? "Asking…" : "Replay"}
        </button>
        {fleet.data && !may.length ? <span className="text-muted">No cluster has a Prometheus to read the past from.</span> : null}
      </div>
      {ask.isError ? <Failure what="Asking for the replay" error={ask.error} retry={run} /> : null}
    </section>
  );
}

function Rows({ items, operator }: { items: ReplayRun[]; operator: boolean }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: (id: string) => call(`replays/${id}`, { method: "DELETE" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["replays"] }),
  });
  return (
    <>
      {remove.isError ? <Failure what="Removing it" error={remove.error} /> : null}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Clusters</th>
            <th scope="col">What came of it</th>
            <th scope="col">Asked for</th>
            <th scope="col">
              <span className="sr-only">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((run) => (
            <tr key={run.id}>
              <td>
                <Link to="/replays/$replayId" params={{ replayId: run.id }} className="link">
                  {spanOf(run)}
                </Link>
              </td>
              <td>{run.clusters.length}</td>
              <td>
                <Standing run={run} />
              </td>
              <td className="text-muted">
                {run.asked_by}, {stamp(run.asked_at)}
              </td>
              <td className="text-right">
                {operator ? (
                  <button type="button" className="button h-7" disabled={remove.isPending} onClick={() => remove.mutate(run.id)}>
                    {run.ended_at ? "Remove" : "Stop"}
                  </button>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
