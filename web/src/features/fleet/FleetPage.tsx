import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call } from "../../api/client";
import { clusters, incidents, me, offers } from "../../api/queries";
import type { Cluster, ClusterState, Offer } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { StateMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";
import { ClusterDialog } from "./ClusterDialog";

const ORDER: ClusterState[] = ["OFFLINE", "DEGRADED", "UNKNOWN", "PROVISIONING", "ONLINE"];

export function FleetPage() {
  const fleet = useQuery(clusters);
  const user = useQuery(me);
  const open = useQuery(incidents({ status: "OPEN" }));
  const [adding, setAdding] = useState(false);
  const [search, setSearch] = useState("");
  const operator = user.data?.role !== "viewer";
  const byCluster = useMemo(() => {
    const counts = new Map<string, number>();
    for (const one of open.data?.items ?? [])
      for (const { id } of one.clusters) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }, [open.data]);
  const wanted = search.toLowerCase();
  const shown = (fleet.data ?? [])
    .filter((one) => `${one.name} ${one.display_name} ${one.environment} ${one.region ?? ""}`.toLowerCase().includes(wanted))
    .sort((a, b) => ORDER.indexOf(a.status.state) - ORDER.indexOf(b.status.state) || a.name.localeCompare(b.name));
  return (
    <Page>
      <PageHead title="Fleet" note={<Summary fleet={fleet.data} open={open.data?.total} />}>
        <input
          data-search
          className="field w-48"
          placeholder="Find a cluster"
          aria-label="Find a cluster"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        {operator ? (
          <button type="button" className="button button-primary" onClick={() => setAdding(true)}>
            Add cluster
          </button>
        ) : null}
      </PageHead>
      <div className="space-y-3">
        {operator ? <Offers /> : null}
        <QueryFailure what="Reading the fleet" query={fleet} />
        <div className="panel overflow-x-auto">
          {fleet.isPending ? (
            <Skeleton rows={4} />
          ) : shown.length ? (
            <Clusters items={shown} open={byCluster} />
          ) : fleet.data?.length ? (
            <Empty title={`No cluster matches “${search}”`}>Clear the search to see all {fleet.data.length}.</Empty>
          ) : fleet.data ? (
            <Empty title="No clusters yet">
              {operator ? (
                <>
                  <p>The address of a Prometheus is enough; its nodes and services are watched from then on.</p>
                  <button type="button" className="button button-primary mt-3" onClick={() => setAdding(true)}>
                    Add the first cluster
                  </button>
                </>
              ) : (
                "Nothing is registered, or nothing that you may see. An operator adds clusters, an admin gives you sight of them."
              )}
            </Empty>
          ) : null}
        </div>
      </div>
      <ClusterDialog open={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function Summary({ fleet, open }: { fleet: Cluster[] | undefined; open: number | undefined }) {
  if (!fleet) return null;
  const states = ORDER.map((state) => [state, fleet.filter((one) => one.status.state === state).length] as const);
  return (
    <>
      <span>{plural(fleet.length, "cluster")}</span>
      {states.map(([state, count]) =>
        count ? (
          <span key={state} className="flex items-center gap-1">
            {count} <StateMark state={state} />
          </span>
        ) : null,
      )}
      {open ? (
        <Link to="/incidents" search={{ state: "OPEN" }} className="font-medium text-critical hover:underline">
          {plural(open, "open incident")}
        </Link>
      ) : (
        <span>{open === 0 ? "no open incidents" : ""}</span>
      )}
    </>
  );
}

function lastError(cluster: Cluster): string | null {
  const failed = Object.entries(cluster.status.endpoints).find(([, endpoint]) => endpoint.error);
  return failed ? `${failed[0]}: ${failed[1].error}` : null;
}

function Clusters({ items, open }: { items: Cluster[]; open: Map<string, number> }) {
  const navigate = useNavigate();
  const now = useNow();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">Cluster</th>
          <th scope="col">State</th>
          <th scope="col" className="text-right max-md:hidden">
            Health
          </th>
          <th scope="col">Incidents</th>
          <th scope="col">Last seen</th>
          <th scope="col" className="max-lg:hidden">
            Environment
          </th>
          <th scope="col" className="max-lg:hidden">
            Platform
          </th>
          <th scope="col" className="w-2/5 max-md:hidden">
            Last error
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => {
          const go = () => void navigate({ to: "/fleet/$clusterId", params: { clusterId: one.id } });
          const count = open.get(one.id);
          return (
            <tr key={one.id} className="cursor-pointer" onClick={go}>
              <td className="whitespace-nowrap">
                <Link
                  data-row
                  to="/fleet/$clusterId"
                  params={{ clusterId: one.id }}
                  className="link font-mono"
                  onClick={(event) => event.stopPropagation()}
                >
                  {one.name}
                </Link>
                {one.display_name && one.display_name !== one.name ? (
                  <span className="ml-2 text-muted max-md:hidden">{one.display_name}</span>
                ) : null}
              </td>
              <td>
                <StateMark state={one.status.state} />
              </td>
              <td className="text-right max-md:hidden">{one.status.health_score ?? <span className="text-muted">–</span>}</td>
              <td className="whitespace-nowrap">
                {count ? (
                  <Link
                    to="/incidents"
                    search={{ cluster: one.id }}
                    className="font-medium text-critical hover:underline"
                    onClick={(event) => event.stopPropagation()}
                  >
                    {count} open
                  </Link>
                ) : (
                  <span className="text-muted">none</span>
                )}
              </td>
              <td className="whitespace-nowrap">
                {one.last_seen_at ? ago(one.last_seen_at, now) : <span className="text-muted">never</span>}
              </td>
              <td className="max-lg:hidden">{sentence(one.environment)}</td>
              <td className="max-lg:hidden">{sentence(one.platform)}</td>
              <td className="max-w-0 truncate max-md:hidden" title={lastError(one) ?? undefined}>
                {lastError(one) ?? <span className="text-muted">none</span>}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Offers() {
  const seen = useQuery({ ...offers, retry: false });
  return seen.data?.offers.map((offer) => <OfferNote key={offer.prometheus_url} offer={offer} />);
}

function OfferNote({ offer }: { offer: Offer }) {
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: () =>
      call<Cluster>("clusters", { method: "POST", body: { name: offer.name, prometheus_url: offer.prometheus_url } }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["clusters"] });
      void client.invalidateQueries({ queryKey: ["offers"] });
    },
  });
  if (add.isError)
    return <Failure what={`Adding ${offer.prometheus_url}`} error={add.error} retry={() => add.mutate()} />;
  return (
    <div className="panel flex flex-wrap items-center gap-x-3 gap-y-2 border-accent px-3 py-2">
      <span>
        A Prometheus {offer.version} answers at <span className="font-mono">{offer.prometheus_url}</span>. Watch it as{" "}
        <span className="font-mono">{offer.name}</span>?
      </span>
      <button
        type="button"
        className="button button-primary ml-auto h-7"
        disabled={add.isPending}
        onClick={() => add.mutate()}
      >
        {add.isPending ? "Adding…" : "Add it"}
      </button>
    </div>
  );
}
