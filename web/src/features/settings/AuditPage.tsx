import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type AuditEntry, type AuditFilters, auditTrail } from "../../api/audit";
import { clusters } from "../../api/queries";
import { sentence } from "../../lib/format";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect, SearchField } from "../../ui/filters";
import { Page, PageHead } from "../../ui/page";

/** Who changed what: for admins. */
export function AuditPage() {
  const [filters, setFilters] = useState<AuditFilters>({});
  const fleet = useQuery(clusters);
  const found = useInfiniteQuery(auditTrail(filters));
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  const names = new Map(fleet.data?.map(({ id, name }) => [id, name]));
  return (
    <Page>
      <PageHead title="Audit" note="Who changed what, and what was refused">
        <SearchField label="Find an act" value={filters.q} onChange={(q) => setFilters({ ...filters, q })} />
        <SearchField label="By whom" value={filters.who} onChange={(who) => setFilters({ ...filters, who })} />
        <FilterSelect label="Outcome" value={filters.outcome} options={["DONE", "REFUSED"]} onChange={(outcome) => setFilters({ ...filters, outcome })} />
        <FilterSelect label="Cluster" value={filters.cluster_id} options={[...names.keys()]} names={names} onChange={(cluster_id) => setFilters({ ...filters, cluster_id })} />
      </PageHead>
      <QueryFailure what="Reading the audit trail" query={found} />
      <section aria-label="Acts" className="panel overflow-x-auto">
        {found.isPending ? <Skeleton rows={8} /> : null}
        {found.data && items.length === 0 ? <Empty title="Nothing is told">No act in your scope matches.</Empty> : null}
        {items.length ? (
          <table className="table">
            <thead>
              <tr>
                {["When", "Who", "What", "On what", "Led to", "Outcome", "From"].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.id}>
                  <td className="whitespace-nowrap tabular-nums">{new Date(one.at).toLocaleString()}</td>
                  <td className="font-medium">{one.who || "unknown"}</td>
                  <td>{one.action}</td>
                  <td className="font-mono text-meta break-all">{told(one, names)}</td>
                  <td className="text-meta text-muted">{one.events.map(sentence).join(", ")}</td>
                  <td className={one.outcome === "REFUSED" ? "text-critical" : ""}>{sentence(one.outcome)}</td>
                  <td className="font-mono text-meta text-muted">{one.source}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : null}
      </section>
      {found.hasNextPage ? (
        <button type="button" className="button mt-2" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {found.isFetchingNextPage ? "Reading…" : "Show older"}
        </button>
      ) : null}
    </Page>
  );
}

/** What named it, and what was sent: ids of clusters by their names. */
function told(one: AuditEntry, names: Map<string, string>): string {
  const pairs = [...Object.entries(one.subject), ...Object.entries(one.details)];
  const word = (value: string) =>
    value
      .split(",")
      .map((part) => names.get(part) ?? part)
      .join(", ");
  return pairs.map(([name, value]) => `${name}=${word(value)}`).join("  ");
}
