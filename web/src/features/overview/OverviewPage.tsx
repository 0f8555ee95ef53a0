import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { forecastPages } from "../../api/forecasts";
import { alertCounts, worstIncidents } from "../../api/overview";
import { clusters, incidents } from "../../api/queries";
import type { Severity } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";
import { type Tile, isUnwell, sorted, tileOf } from "../fleet/grid";
import { AvailabilityMap } from "./AvailabilityMap";

const SEVERITIES: Severity[] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"];

/** What is unhealthy now, of everything that one may see. */
export function OverviewPage() {
  const fleet = useQuery(clusters);
  const open = useQuery(incidents({ status: "OPEN" }));
  const tiles = useMemo(() => {
    const counts = new Map<string, number>();
    for (const one of open.data?.items ?? [])
      for (const { id } of one.clusters) counts.set(id, (counts.get(id) ?? 0) + 1);
    return sorted((fleet.data ?? []).map((one) => tileOf(one, counts.get(one.id) ?? 0)));
  }, [fleet.data, open.data]);
  const unwell = tiles.filter(isUnwell);
  return (
    <Page>
      <PageHead
        title="Overview"
        note={fleet.data ? (unwell.length ? `${unwell.length} of ${plural(tiles.length, "cluster")} to look at` : "All clusters fare well") : null}
      />
      <div className="space-y-4">
        <QueryFailure what="Reading the fleet" query={fleet} />
        {fleet.isPending ? <Skeleton rows={4} /> : <AvailabilityMap tiles={tiles} />}
        <div className="grid grid-cols-[minmax(0,1fr)] gap-4 xl:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
          <Incidents />
          <div className="space-y-4">
            <Alerts />
            <RunningOut />
          </div>
        </div>
        <Unwell tiles={unwell} />
      </div>
    </Page>
  );
}

function Incidents() {
  const worst = useQuery(worstIncidents);
  const now = useNow();
  return (
    <section aria-label="Open incidents">
      <h2 className="mb-1 font-semibold">
        <Link to="/incidents" className="link">
          Open incidents
        </Link>{" "}
        <span className="font-normal text-muted">{worst.data ? `${worst.data.total}, what strikes most first` : ""}</span>
      </h2>
      <QueryFailure what="Reading the incidents" query={worst} />
      <ul className="panel">
        {worst.data?.items.map((one) => (
          <li key={one.id} className="border-b border-line last:border-b-0">
            <Link
              to="/incidents/$incidentId"
              params={{ incidentId: one.id }}
              className="grid grid-cols-[6rem_minmax(0,1fr)] items-baseline gap-x-3 px-3 py-1.5 hover:bg-raised md:grid-cols-[6rem_minmax(0,1fr)_auto]"
            >
              <SeverityMark severity={one.severity} />
              <span className="min-w-0 truncate" title={one.title}>
                {one.title}
              </span>
              <span className="text-meta text-muted max-md:col-start-2 md:whitespace-nowrap">
                {plural(one.clusters.length, "cluster")}
                {one.workloads ? `, ${plural(one.workloads, "workload")}` : ""} · {one.owner ?? "nobody on it"} ·{" "}
                {ago(one.detected_at, now)}
              </span>
            </Link>
          </li>
        ))}
        {worst.data && !worst.data.items.length ? (
          <li>
            <Empty title="No open incident">What is found becomes one, with its ranked causes.</Empty>
          </li>
        ) : null}
      </ul>
    </section>
  );
}

function Alerts() {
  const counts = useQuery(alertCounts);
  return (
    <section aria-label="Firing alerts">
      <h2 className="mb-1 font-semibold">
        <Link to="/alerts" className="link">
          Firing alerts
        </Link>
      </h2>
      <QueryFailure what="Counting the alerts" query={counts} />
      <dl className="panel divide-y divide-line">
        {SEVERITIES.map((severity) => (
          <div key={severity} className="flex h-8 items-center px-3">
            <dt className="flex-1">
              <SeverityMark severity={severity} />
            </dt>
            <dd className="tabular-nums">{counts.data ? (counts.data.severity[severity] ?? 0).toLocaleString("en") : "–"}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function RunningOut() {
  const list = useInfiniteQuery(forecastPages("CROSSES", undefined));
  const now = useNow();
  const soon = list.data?.pages[0]?.items.filter(({ warned_at }) => warned_at).slice(0, 5) ?? [];
  return (
    <section aria-label="Running out soon">
      <h2 className="mb-1 font-semibold">
        <Link to="/insights" className="link">
          Running out soon
        </Link>
      </h2>
      <ul className="panel">
        {soon.map((one) => (
          <li key={one.id} className="border-b border-line px-3 py-1.5 last:border-b-0">
            <span className="font-medium">{one.title}</span> {one.subject} <span className="text-muted">on {one.cluster}</span>
            {one.crosses_at ? <span className="block text-meta text-muted">{ago(one.crosses_at, now)}</span> : null}
          </li>
        ))}
        {list.data && !soon.length ? <li className="px-3 py-1.5 text-muted">Nothing, as far as the past tells</li> : null}
      </ul>
    </section>
  );
}

function Unwell({ tiles }: { tiles: Tile[] }) {
  if (!tiles.length) return null;
  return (
    <section aria-label="Clusters to look at">
      <h2 className="mb-1 font-semibold">Clusters to look at</h2>
      <div className="panel overflow-x-auto">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Cluster</th>
              <th scope="col">State</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {tiles.slice(0, 20).map(({ cluster, troubles }) => (
              <tr key={cluster.id}>
                <td>
                  <Link to="/fleet/$clusterId" params={{ clusterId: cluster.id }} className="link font-mono">
                    {cluster.name}
                  </Link>
                </td>
                <td>{sentence(cluster.status.state)}</td>
                <td className="text-muted">{troubles.join("; ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {tiles.length > 20 ? (
          <p className="px-3 py-1 text-muted">
            and {tiles.length - 20} more in{" "}
            <Link to="/fleet" className="link underline">
              Fleet
            </Link>
          </p>
        ) : null}
      </div>
    </section>
  );
}
