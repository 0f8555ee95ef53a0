import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { clusters, me } from "../../api/queries";
import type { Cluster } from "../../api/types";
import { sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { StateMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";
import { CredentialsPanel } from "./CredentialsPanel";
import { Endpoints } from "./Endpoints";
import { Abilities, About } from "./Facts";
import { Happenings } from "./Happenings";
import { HealthHistory } from "./HealthHistory";
import { RemoveDialog } from "./RemoveDialog";
import { Watches } from "./Watches";

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
