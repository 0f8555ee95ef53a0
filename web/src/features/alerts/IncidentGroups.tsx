import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../../api/client";
import type { IncidentGroup } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import { useHoldUnderPointer, useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";

export const BY_INCIDENT = "incident";

interface Props {
  cluster?: string;
  severity?: string;
}

/** One row for all alerts that fire in an incident. */
export function IncidentGroups({ cluster, severity }: Props) {
  const groups = useQuery({
    queryKey: ["incidents", "of-firing", cluster, severity],
    queryFn: ({ signal }) =>
      call<{ items: IncidentGroup[]; more: boolean }>("alert-incidents/groups", {
        query: { cluster_id: cluster, severity },
        signal,
      }),
    placeholderData: keepPreviousData,
  });
  const hold = useHoldUnderPointer();
  const now = useNow(15_000);
  if (groups.isPending) return <Skeleton rows={12} />;
  const items = groups.data?.items ?? [];
  return (
    <div className="h-full overflow-y-auto" {...hold}>
      <QueryFailure what="Grouping alerts" query={groups} />
      <p className="px-3 pt-2 text-meta text-muted">Alerts that fire and are in an incident, by cluster and severity; other filters do not count here.</p>
      {items.length ? (
        <table className="table">
          <thead>
            <tr>
              <th>Worst</th>
              <th>Incident</th>
              <th className="text-right">Firing</th>
              <th className="text-right max-md:hidden">Clusters</th>
              <th className="max-md:hidden">Status</th>
              <th>Newest</th>
            </tr>
          </thead>
          <tbody>
            {items.map(({ incident, firing }) => (
              <tr key={incident.id}>
                <td>
                  <SeverityMark severity={firing.severity} />
                </td>
                <td className="w-1/2 max-w-0">
                  <Link data-row to="/incidents/$incidentId" params={{ incidentId: incident.id }} className="link block truncate" title={incident.title}>
                    <span className="font-mono">{incident.key}</span> {incident.title}
                  </Link>
                  <span className="block truncate text-meta text-muted" title={incident.causes_note ?? undefined}>
                    {incident.cause
                      ? `Likely cause: ${incident.cause.title} (${Math.round(incident.cause.confidence * 100)} %)`
                      : (incident.causes_note ?? "No cause is ranked yet")}
                  </span>
                </td>
                <td className="text-right font-medium">{firing.alerts.toLocaleString("en")}</td>
                <td className="text-right max-md:hidden">{firing.clusters.length}</td>
                <td className="max-md:hidden">{sentence(incident.status)}</td>
                <td className="whitespace-nowrap text-muted">{ago(firing.newest_at, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : groups.data ? (
        <Empty title="No alert that fires is in an incident" />
      ) : null}
      {groups.data?.more ? <p className="p-3 text-muted">The worst {plural(items.length, "incident")} are shown.</p> : null}
    </div>
  );
}
