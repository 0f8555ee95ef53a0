import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { clusters, me, sources } from "../../api/queries";
import type { Source } from "../../api/types";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { NewSourceDialog } from "./NewSource";

export function SourcesPage() {
  const list = useQuery(sources);
  const user = useQuery(me);
  const [making, setMaking] = useState(false);
  const operator = user.data?.role !== "viewer";
  return (
    <Page>
      <PageHead title="Sources" note="What may send metrics and alerts, each with a token bound to one cluster">
        {operator ? (
          <button type="button" className="button button-primary" onClick={() => setMaking(true)}>
            New source
          </button>
        ) : null}
      </PageHead>
      <div className="space-y-3">
        <QueryFailure what="Reading the sources" query={list} />
        <div className="panel overflow-x-auto">
          {list.isPending ? (
            <Skeleton rows={4} />
          ) : list.data?.items.length ? (
            <List items={list.data.items} operator={operator} />
          ) : list.data ? (
            <Empty title="No sources yet">
              {operator
                ? "Make one to receive an Alertmanager’s alerts or metrics that are posted here; it shows the configuration to paste."
                : "An operator can make one, to receive an Alertmanager’s alerts or metrics that are posted here."}
            </Empty>
          ) : null}
        </div>
      </div>
      <NewSourceDialog open={making} onClose={() => setMaking(false)} />
    </Page>
  );
}

function List({ items, operator }: { items: Source[]; operator: boolean }) {
  const client = useQueryClient();
  const fleet = useQuery(clusters);
  const now = useNow();
  const [asking, setAsking] = useState<string | null>(null);
  const remove = useMutation({
    mutationFn: (id: string) => call(`sources/${id}`, { method: "DELETE" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["sources"] }),
  });
  return (
    <>
      {remove.isError ? <Failure what="Deleting the source" error={remove.error} /> : null}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Cluster</th>
            <th scope="col">Made</th>
            <th scope="col">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id}>
              <td className="font-medium">{one.name}</td>
              <td className="font-mono">
                {fleet.data?.find(({ id }) => id === one.cluster_id)?.name ?? one.cluster_id}
              </td>
              <td className="text-muted">{ago(one.created_at, now)}</td>
              <td className="text-right">
                {!operator ? null : asking === one.id ? (
                  <span className="inline-flex items-center gap-2">
                    Its token stops working at once.
                    <button
                      type="button"
                      className="button h-7 border-critical text-critical"
                      onClick={() => remove.mutate(one.id)}
                    >
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
