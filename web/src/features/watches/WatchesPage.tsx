import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/client";
import { type Watch, type WatchWish, watches } from "../../api/insight";
import { clusters, me } from "../../api/queries";
import { plural } from "../../lib/format";
import { Dialog } from "../../ui/dialog";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { WatchForm } from "./WatchForm";
import { tells } from "./words";

export function WatchesPage() {
  const list = useQuery(watches);
  const user = useQuery(me);
  const [making, setMaking] = useState(false);
  const operator = user.data !== undefined && user.data.role !== "viewer";
  const own = list.data?.items.filter(({ shipped }) => !shipped) ?? [];
  const shipped = list.data?.items.filter((one) => one.shipped) ?? [];
  return (
    <Page>
      <PageHead title="Watches" note="Queries that are looked at all the time, and what is told of them">
        {operator ? (
          <button type="button" className="button button-primary" onClick={() => setMaking(true)}>
            New watch
          </button>
        ) : null}
      </PageHead>
      <QueryFailure what="Reading the watches" query={list} />
      {list.isPending ? <Skeleton rows={10} /> : null}
      {list.data ? (
        <div className="space-y-4">
          <section aria-label="People’s own">
            <h2 className="mb-1 font-semibold">People’s own</h2>
            <div className="panel overflow-x-auto">
              {own.length ? (
                <Rows items={own} operator={operator} />
              ) : (
                <Empty title="None yet">
                  {operator
                    ? "Watch any query: what leaves its usual band, passes a limit or falls silent becomes a finding. Try it on the past before it is switched on."
                    : "An operator can watch any query of theirs."}
                </Empty>
              )}
            </div>
          </section>
          <section aria-label="Shipped">
            <h2 className="mb-1 font-semibold">Shipped</h2>
            <div className="panel overflow-x-auto">
              <Rows items={shipped} operator={operator && user.data?.clusters === null} />
            </div>
          </section>
        </div>
      ) : null}
      <NewWatch open={making} onClose={() => setMaking(false)} />
    </Page>
  );
}

function Rows({ items, operator }: { items: Watch[]; operator: boolean }) {
  const client = useQueryClient();
  const fleet = useQuery(clusters);
  const toggle = useMutation({
    mutationFn: ({ name, revision, enabled }: Watch) =>
      call(`watches/${name}`, { method: "PATCH", body: { revision, enabled: !enabled } }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["watches"] }),
  });
  const where = (ids: string[] | null) =>
    ids === null ? "everywhere" : ids.map((id) => fleet.data?.find((one) => one.id === id)?.name ?? id).join(", ");
  return (
    <>
      {toggle.isError ? <Failure what="Switching it" error={toggle.error} /> : null}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Watch</th>
            <th scope="col">Name</th>
            <th scope="col">Told when a series</th>
            <th scope="col">Where</th>
            <th scope="col">On</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.name} className={one.enabled ? "" : "text-muted"}>
              <td>
                <Link to="/watches/$watch" params={{ watch: one.name }} className="link">
                  {one.title}
                </Link>
                {one.failing.length ? (
                  <p className="text-meta text-critical" title={one.failing.map(({ error }) => error).join("\n")}>
                    fails on {plural(one.failing.length, "cluster")}
                  </p>
                ) : null}
              </td>
              <td className="font-mono text-meta text-muted">{one.name}</td>
              <td>{tells(one).join("; ")}</td>
              <td className="font-mono text-meta">{where(one.clusters)}</td>
              <td>
                <input
                  type="checkbox"
                  aria-label={`${one.title} is on`}
                  checked={one.enabled}
                  disabled={!operator || toggle.isPending}
                  onChange={() => toggle.mutate(one)}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function NewWatch({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const make = useMutation({
    mutationFn: (body: WatchWish) => call<Watch>("watches", { method: "POST", body }),
    onSuccess: ({ name }) => {
      void client.invalidateQueries({ queryKey: ["watches"] });
      void navigate({ to: "/watches/$watch", params: { watch: name } });
    },
  });
  return (
    <Dialog open={open} onClose={onClose} title="New watch" description="It begins switched off, so that you can try it on the past first.">
      <WatchForm
        problem={make.error}
        busy={make.isPending}
        submit="Make it"
        onSubmit={(values) => make.mutate({ ...values, name: values.name ?? "", query: values.query ?? "", enabled: false })}
        onCancel={onClose}
      />
    </Dialog>
  );
}
