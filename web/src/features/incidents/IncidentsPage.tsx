import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { clusters, incidents } from "../../api/queries";
import type { IncidentSummary } from "../../api/types";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import type { ListSearch } from "../../router";
import { useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect } from "../../ui/filters";
import { SeverityMark, StatusMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";

export function IncidentsPage() {
  const search: ListSearch = useSearch({ from: "/shell/incidents" });
  const navigate = useNavigate({ from: "/incidents" });
  const list = useQuery(incidents({ status: search.state, severity: search.severity, cluster_id: search.cluster }));
  const fleet = useQuery(clusters);
  const names = new Map(fleet.data?.map(({ id, name }) => [id, name]));
  const set = (part: Partial<ListSearch>) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const filtered = Boolean(search.state || search.severity || search.cluster);
  return (
    <Page>
      <PageHead title="Incidents" note={list.data ? plural(list.data.total, "incident") : null}>
        <FilterSelect
          label="Status"
          value={search.state}
          options={["OPEN", "ACKNOWLEDGED", "MITIGATED", "RESOLVED", "FALSE_POSITIVE"]}
          onChange={(state) => set({ state })}
        />
        <FilterSelect
          label="Severity"
          value={search.severity}
          options={["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]}
          onChange={(severity) => set({ severity })}
        />
        <FilterSelect
          label="Cluster"
          value={search.cluster}
          options={[...names.keys()]}
          names={names}
          onChange={(cluster) => set({ cluster })}
        />
      </PageHead>
      <div className="space-y-3">
        <QueryFailure what="Reading incidents" query={list} />
        <div className="panel">
          {list.isPending ? (
            <Skeleton rows={8} />
          ) : list.data?.items.length ? (
            <List items={list.data.items} />
          ) : list.data ? (
            <Empty title={filtered ? "No incident matches these filters" : "No incidents"}>
              {filtered ? (
                <button
                  type="button"
                  className="link"
                  onClick={() => set({ state: undefined, severity: undefined, cluster: undefined })}
                >
                  Clear the filters
                </button>
              ) : (
                "When anomalies or alerts come together, an incident opens here by itself, with what moved first."
              )}
            </Empty>
          ) : null}
        </div>
        {list.data?.next_cursor ? (
          <p className="text-muted">The newest {list.data.items.length} are shown. Narrow the filters to see others.</p>
        ) : null}
      </div>
    </Page>
  );
}

function List({ items }: { items: IncidentSummary[] }) {
  const now = useNow();
  return (
    <ul className="divide-y divide-line">
      {items.map((one) => (
        <li key={one.id}>
          <Link
            data-row
            to="/incidents/$incidentId"
            params={{ incidentId: one.id }}
            className="grid grid-cols-[1fr_auto] items-center gap-x-4 px-3 py-1.5 hover:bg-raised focus-visible:-outline-offset-2 md:h-8 md:grid-cols-[96px_128px_minmax(0,1fr)_minmax(0,140px)_160px_88px] md:py-0"
          >
            <SeverityMark severity={one.severity} />
            <StatusMark status={one.status} />
            <span className="min-w-0 font-medium max-md:col-span-2 md:truncate" title={one.title}>
              <span className="mr-2 font-mono font-normal text-muted">{one.key}</span>
              {one.title}
            </span>
            <span className="truncate font-mono">{one.clusters.map(({ name }) => name).join(", ")}</span>
            <span className="text-muted max-md:hidden">
              {plural(one.anomaly_count, "anomaly", "anomalies")}, {plural(one.alert_count, "alert")}
            </span>
            <span className="text-right whitespace-nowrap text-muted">{ago(one.detected_at, now)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
