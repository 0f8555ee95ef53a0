import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { type ChangeSource, changeSources, watchedClusters } from "../../api/maintenance";
import { clusters, me } from "../../api/queries";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { NewChangeSourceDialog, SENDERS } from "./NewChangeSource";

/** Who tells of changes: pipelines by webhook, and the clusters themselves. */
export function ChangeSources() {
  const user = useQuery(me);
  const list = useQuery(changeSources);
  const [making, setMaking] = useState(false);
  const operator = user.data !== undefined && user.data.role !== "viewer";
  return (
    <section aria-label="Sources of changes" className="mb-3 space-y-3">
      <div className="panel overflow-x-auto">
        <div className="flex items-center justify-between px-3 py-2">
          <h2 className="font-medium">By webhook</h2>
          {operator ? (
            <button type="button" className="button button-primary" onClick={() => setMaking(true)}>
              New source
            </button>
          ) : null}
        </div>
        <QueryFailure what="Reading the sources" query={list} />
        {list.isPending ? <Skeleton rows={2} /> : null}
        {list.data?.items.length === 0 ? <Empty title="No pipeline tells of changes yet">GitHub, GitLab, Argo CD and anything that can post JSON can.</Empty> : null}
        {list.data?.items.length ? <List items={list.data.items} operator={operator} /> : null}
      </div>
      <Watched />
      <NewChangeSourceDialog open={making} onClose={() => setMaking(false)} />
    </section>
  );
}

function List({ items, operator }: { items: ChangeSource[]; operator: boolean }) {
  const client = useQueryClient();
  const fleet = useQuery(clusters);
  const [asking, setAsking] = useState<string | null>(null);
  const remove = useMutation({
    mutationFn: (id: string) => call(`change-sources/${id}`, { method: "DELETE" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["changes", "sources"] }),
  });
  const name = (id: string) => fleet.data?.find((one) => one.id === id)?.name ?? id;
  return (
    <>
      {remove.isError ? <Failure what="Deleting the source" error={remove.error} /> : null}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">What</th>
            <th scope="col">Cluster</th>
            <th scope="col">Environments</th>
            <th scope="col">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id}>
              <td className="font-medium">{one.name}</td>
              <td>{SENDERS[one.kind]}</td>
              <td className="font-mono text-meta">{one.cluster_id ? name(one.cluster_id) : "none"}</td>
              <td className="font-mono text-meta">
                {Object.entries(one.places)
                  .map(([place, id]) => `${place} → ${name(id)}`)
                  .join(", ")}
              </td>
              <td className="text-right whitespace-nowrap">
                {!operator ? null : asking === one.id ? (
                  <span className="inline-flex items-center gap-2">
                    Its token stops working at once.
                    <button type="button" className="button h-7 border-critical text-critical" onClick={() => remove.mutate(one.id)}>
                      Delete
                    </button>
                    <button type="button" className="button h-7" onClick={() => setAsking(null)}>
                      Keep
                    </button>
                  </span>
                ) : (
                  <button type="button" className="button h-7" onClick={() => setAsking(one.id)}>
                    Delete…
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Watched() {
  const list = useQuery(watchedClusters);
  const now = useNow();
  const asked = list.data?.filter((one) => one.asked) ?? [];
  const others = (list.data?.length ?? 0) - asked.length;
  return (
    <div className="panel overflow-x-auto">
      <h2 className="px-3 py-2 font-medium">By the clusters’ own APIs</h2>
      <QueryFailure what="Reading how the clusters are asked" query={list} />
      {list.isPending ? <Skeleton rows={2} /> : null}
      {list.data && asked.length === 0 ? (
        <Empty title="No cluster can be asked">Give a cluster the address of its API server, and its rollouts are found by themselves.</Empty>
      ) : null}
      {asked.length ? (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Cluster</th>
              <th scope="col">Last looked at</th>
              <th scope="col">Objects</th>
              <th scope="col">What is missing</th>
            </tr>
          </thead>
          <tbody>
            {asked.map((one) => (
              <tr key={one.cluster_id}>
                <td className="font-mono text-meta">{one.cluster}</td>
                <td className="whitespace-nowrap text-muted">{one.looked_at ? ago(one.looked_at, now) : "not yet"}</td>
                <td className="tabular-nums">{one.looked_at ? plural(one.objects, "object") : "not known"}</td>
                <td>
                  {one.error ? <p className="text-critical">{one.error}</p> : null}
                  {one.notes.map((note) => (
                    <p key={note} className="text-muted">
                      {note}
                    </p>
                  ))}
                  {!one.error && one.notes.length === 0 && one.looked_at ? "nothing" : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {asked.length && others ? (
        <p className="px-3 py-2 text-muted">{plural(others, "other cluster")}: the hub knows no address of a Kubernetes API.</p>
      ) : null}
    </div>
  );
}
