import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { clusterAlerts, incidents } from "../../api/queries";
import type { Cluster } from "../../api/types";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";

const LISTED = 8;

/** The open incidents of a cluster and the alerts that fire there. */
export function Happenings({ cluster }: { cluster: Cluster }) {
  const open = useQuery(incidents({ status: "OPEN", cluster_id: cluster.id }));
  const firing = useQuery(clusterAlerts(cluster.id));
  const now = useNow();
  const total = firing.data?.total ?? 0;
  return (
    <>
      {open.data?.items.map((one) => (
        <Link
          key={one.id}
          data-row
          to="/incidents/$incidentId"
          params={{ incidentId: one.id }}
          className="panel flex flex-wrap items-center gap-x-3 border-critical px-3 py-2 hover:bg-raised"
        >
          <SeverityMark severity={one.severity} />
          <span className="font-medium">{one.title}</span>
          <span className="ml-auto text-muted">opened {ago(one.detected_at, now)}</span>
        </Link>
      ))}
      <section aria-label="Alerts" className="panel min-w-0">
        <h2 className="flex min-h-10 items-center gap-3 px-3 font-semibold">
          Alerts
          <span className="font-normal text-muted">{firing.data ? (total ? `${total} firing` : "none firing") : null}</span>
          <Link to="/alerts" search={{ cluster: cluster.id }} className="link ml-auto font-normal">
            All alerts
          </Link>
        </h2>
        <QueryFailure what="Reading the alerts" query={firing} />
        {firing.isPending ? <Skeleton rows={2} /> : null}
        {total ? (
          <ul className="divide-y divide-line border-t border-line">
            {firing.data?.items.slice(0, LISTED).map((one) => (
              <li key={one.fingerprint}>
                <Link
                  data-row
                  to="/alerts"
                  search={{ cluster: cluster.id, open: `${one.cluster_id}/${one.fingerprint}` }}
                  className="flex min-h-8 items-center gap-3 px-3 hover:bg-raised"
                >
                  <span className="w-20 shrink-0">
                    <SeverityMark severity={one.severity} />
                  </span>
                  <span className="shrink-0 font-medium">{one.name}</span>
                  <span className="min-w-0 truncate text-muted">{one.annotations.summary}</span>
                  <span className="ml-auto whitespace-nowrap text-muted">{ago(one.starts_at, now)}</span>
                </Link>
              </li>
            ))}
          </ul>
        ) : null}
      </section>
    </>
  );
}
