import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call } from "../../api/client";
import { clusters, me, sources } from "../../api/queries";
import type { NewSource, Source } from "../../api/types";
import { ago } from "../../lib/time";
import { FormProblem } from "../../shell/SignIn";
import { useNow } from "../../shell/store";
import { Dialog, Field } from "../../ui/dialog";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";

export function SourcesPage() {
  const list = useQuery(sources);
  const user = useQuery(me);
  const [making, setMaking] = useState(false);
  return (
    <Page>
      <PageHead title="Sources" note="What may send metrics and alerts, each with a token bound to one cluster">
        {user.data?.role !== "viewer" ? (
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
            <List items={list.data.items} operator={user.data?.role !== "viewer"} />
          ) : list.data ? (
            <Empty title="No sources yet">
              Make one to post metrics to <code>/api/metrics</code> or to receive an Alertmanager's webhook at{" "}
              <code>/api/v1/alerts/webhook</code>.
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
                    Its token stops working.
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

function NewSourceDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="New source">
      <Making onClose={onClose} />
    </Dialog>
  );
}

function Making({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const fleet = useQuery(clusters);
  const make = useMutation({
    mutationFn: (body: { name: FormDataEntryValue | null; cluster_id: FormDataEntryValue | null }) =>
      call<NewSource>("sources", { method: "POST", body }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["sources"] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    make.mutate({ name: form.get("name"), cluster_id: form.get("cluster_id") });
  };
  if (make.data) return <Token token={make.data.token} onClose={onClose} />;
  return (
    <form onSubmit={submit} className="space-y-3">
      <Field label="Name" hint="Who sends, such as alertmanager-eu">
        <input name="name" className="field" required autoFocus />
      </Field>
      <Field label="Cluster" hint="All that it sends belongs to this cluster">
        <select name="cluster_id" className="field" required>
          {fleet.data?.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </Field>
      <FormProblem text={make.error ? make.error.message : null} />
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={make.isPending}>
          {make.isPending ? "Making…" : "Make it"}
        </button>
      </div>
    </form>
  );
}

function Token({ token, onClose }: { token: string; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="space-y-3">
      <p>This token is shown once. Keep it where the sender reads it.</p>
      <p className="rounded border border-control bg-bg p-2 font-mono break-all select-all">{token}</p>
      <p className="text-muted">
        The sender gives it as <code>Authorization: Bearer …</code>
      </p>
      <div className="flex justify-end gap-2">
        <button
          type="button"
          className="button"
          onClick={() => void navigator.clipboard?.writeText(token).then(() => setCopied(true))}
        >
          {copied ? "Copied" : "Copy"}
        </button>
        <button type="button" className="button button-primary" onClick={onClose}>
          I have it
        </button>
      </div>
    </div>
  );
}
