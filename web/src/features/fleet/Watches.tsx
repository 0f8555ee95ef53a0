import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { anomalies, expectations } from "../../api/queries";
import type { Cluster, Expected } from "../../api/types";
import { plural } from "../../lib/format";
import { useLive, useRange } from "../../shell/store";
import { Empty, QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { WatchSection } from "./Watched";

/** Every watched series of a cluster, live, with its expected band or how far it has learned. */
export function Watches({ cluster }: { cluster: Cluster }) {
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
