import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { anomalies, clusters, expectations, me } from "../../api/queries";
import type { Cluster, Expected } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import { useLive, useNow, useRange } from "../../shell/store";
import { Empty, QueryFailure, Skeleton, SkeletonBlock } from "../../ui/feedback";
import { StateMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";
import { CredentialsPanel } from "./CredentialsPanel";
import { Endpoints } from "./Endpoints";
import { Abilities, About } from "./Facts";
import { Happenings } from "./Happenings";
import { HealthHistory } from "./HealthHistory";
import { RemoveDialog } from "./RemoveDialog";
import { WatchSection } from "./Watched";

export function ClusterPage() {
  const { clusterId } = useParams({ from: "/shell/fleet/$clusterId" });
  const fleet = useQuery(clusters);
  const cluster = fleet.data?.find(({ id }) => id === clusterId);
  if (fleet.isPending)
    return (
      <Page>
        <Skeleton rows={8} />
      </Page>
    );
  return (
    <Page>
      <QueryFailure what="Reading the fleet" query={fleet} />
      {cluster ? (
        <Detail cluster={cluster} />
      ) : fleet.data ? (
        <Empty title="This cluster is not in your fleet">
          It was removed, or is not among those you may see.{" "}
          <Link to="/fleet" className="link underline">
            Go to the fleet
          </Link>
        </Empty>
      ) : null}
    </Page>
  );
}

function Detail({ cluster }: { cluster: Cluster }) {
  const user = useQuery(me);
  const role = user.data?.role;
  const operator = role !== undefined && role !== "viewer";
  const host = cluster.platform === "HOST";
  return (
    <>
      <Head cluster={cluster} role={role} />
      <div className="grid items-start gap-3 xl:grid-cols-[minmax(0,1fr)_320px]">
        <div className="min-w-0 space-y-3">
          {cluster.status.warnings?.map((warning) => (
            <p key={warning} className="panel border-high px-3 py-2">
              {warning}
            </p>
          ))}
          <Happenings cluster={cluster} />
          <HealthHistory cluster={cluster} />
          <Endpoints cluster={cluster} operator={operator} />
          <Watches cluster={cluster} />
        </div>
        <aside aria-label="What it is" className="grid items-start gap-3 md:max-xl:grid-cols-3">
          <About cluster={cluster} />
          <Abilities cluster={cluster} />
          {host ? null : <CredentialsPanel cluster={cluster} role={role} />}
        </aside>
      </div>
    </>
  );
}

function Head({ cluster, role }: { cluster: Cluster; role: string | undefined }) {
  const now = useNow();
  const [removing, setRemoving] = useState(false);
  const { state, health_score: health, connectivity } = cluster.status;
  return (
    <>
      <PageHead
        title={cluster.name}
        mono
        note={
          <>
            <StateMark state={state} />
            <span>health {health ?? "unknown"}</span>
            {connectivity === "INTERMITTENT" ? <span className="text-high">comes and goes</span> : null}
            {cluster.display_name !== cluster.name ? <span>{cluster.display_name}</span> : null}
            <span>{sentence(cluster.environment)}</span>
            <span>{cluster.last_seen_at ? `seen ${ago(cluster.last_seen_at, now)}` : "never seen"}</span>
          </>
        }
      >
        <Link to="/metrics-explorer" search={{ clusters: [cluster.id] }} className="button">
          Metrics
        </Link>
        {role && role !== "viewer" ? (
          <Link to="/fleet/$clusterId/edit" params={{ clusterId: cluster.id }} className="button">
            Change
          </Link>
        ) : null}
        {role === "admin" ? (
          <button type="button" className="button" onClick={() => setRemoving(true)}>
            Remove
          </button>
        ) : null}
      </PageHead>
      <RemoveDialog open={removing} onClose={() => setRemoving(false)} cluster={cluster} />
    </>
  );
}

function Watches({ cluster }: { cluster: Cluster }) {
  const { paused } = useLive();
  const [range] = useRange();
  const current = useQuery(expectations(cluster.id, !paused));
  const unusual = useQuery(anomalies(cluster.id, range));
  // Watches of one series share rows; those of many come after them, each with rows of its own.
  const ordered = Object.entries(Object.groupBy(current.data?.items ?? [], ({ watch }) => watch))
    .map(([watch, items]): [string, Expected[]] => [watch, items ?? []])
    .sort(([, a], [, b]) => Number(a.length > 1) - Number(b.length > 1));
  return (
    <section aria-label="Watched series" className="space-y-3">
      <h2 className="pt-1 text-title font-semibold">
        Watched <Watched items={current.data?.items} />
      </h2>
      <QueryFailure what="Reading the watched series" query={current} />
      <QueryFailure what="Reading the anomalies" query={unusual} />
      <div className="grid gap-3 lg:grid-cols-2 2xl:grid-cols-3">
        {current.isPending ? [0, 1, 2, 3].map((at) => <SkeletonBlock key={at} height={196} />) : null}
        {ordered.map(([watch, items]) => (
          <WatchSection
            key={watch}
            clusterId={cluster.id}
            watch={watch}
            items={items}
            anomalies={unusual.data?.items ?? []}
          />
        ))}
      </div>
      {current.data?.items.length === 0 ? (
        <div className="panel">
          <Empty title="Nothing is watched here yet">
            {cluster.status.state === "OFFLINE" ? "Nor can it be while nothing answers there. " : null}
            The shipped watches look for nodes and services every 15 seconds. They need series such as{" "}
            <code>node_cpu_seconds_total</code> or <code>http_requests_total</code>; look in{" "}
            <Link to="/metrics-explorer" search={{ clusters: [cluster.id] }} className="link underline">
              Metrics
            </Link>{" "}
            for what this cluster has.
          </Empty>
        </div>
      ) : null}
    </section>
  );
}

/** How much is watched, and how much of it has no band yet. */
function Watched({ items }: { items: Expected[] | undefined }) {
  if (!items?.length) return null;
  const learning = items.filter((one) => one.learning).length;
  return (
    <span className="ml-1 text-[13px] font-normal text-muted">
      {plural(items.length, "series", "series")}
      {learning ? `, ${learning} still learning` : ""}
    </span>
  );
}
