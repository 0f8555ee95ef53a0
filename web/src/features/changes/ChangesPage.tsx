import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type ChangeFilters, changes } from "../../api/maintenance";
import { clusters } from "../../api/queries";
import { sentence } from "../../lib/format";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect, SearchField } from "../../ui/filters";
import { Page, PageHead } from "../../ui/page";
import { ChangeSources } from "./ChangeSources";

const KINDS = ["DEPLOYMENT", "CONFIG", "SCALING", "ROLLBACK", "INFRASTRUCTURE", "OTHER"];
const TONES: Record<string, string> = { FAILED: "text-critical", SUCCEEDED: "text-ok", UNDER_WAY: "text-medium" };

export function ChangesPage() {
  const [sources, setSources] = useState(false);
  const [filters, setFilters] = useState<ChangeFilters>({});
  const fleet = useQuery(clusters);
  const found = useInfiniteQuery(changes(filters));
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  const names = new Map(fleet.data?.map(({ id, name }) => [id, name]));
  return (
    <Page>
      <PageHead title="Changes" note="What was deployed, configured or scaled">
        <SearchField label="Find a change" value={filters.q} onChange={(q) => setFilters({ ...filters, q })} />
        <FilterSelect label="Kind" value={filters.kind} options={KINDS} onChange={(kind) => setFilters({ ...filters, kind })} />
        <FilterSelect label="Cluster" value={filters.cluster_id} options={[...names.keys()]} names={names} onChange={(cluster_id) => setFilters({ ...filters, cluster_id })} />
        <button type="button" className="button aria-pressed:bg-raised" aria-pressed={sources} onClick={() => setSources(!sources)}>
          Sources
        </button>
      </PageHead>
      {sources ? <ChangeSources /> : null}
      <QueryFailure what="Reading the changes" query={found} />
      <section aria-label="Changes" className="panel overflow-x-auto">
        {found.isPending ? <Skeleton rows={8} /> : null}
        {found.data && items.length === 0 ? (
          <Empty title="No change is known">
            Pipelines tell of them by webhook, and clusters whose API server the hub may ask tell of them by themselves: see Sources.
          </Empty>
        ) : null}
        {items.length ? (
          <table className="table">
            <thead>
              <tr>
                {["When", "Change", "Kind", "Went", "Cluster", "Version", "By", "Told by"].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.id}>
                  <td className="whitespace-nowrap">{new Date(one.at).toLocaleString()}</td>
                  <td>
                    {/^https?:\/\//.test(one.url) ? (
                      <a className="link" href={one.url} target="_blank" rel="noreferrer">
                        {one.title}
                      </a>
                    ) : (
                      one.title
                    )}
                    {one.workload || one.namespace ? (
                      <span className="ml-2 font-mono text-meta text-muted">{[one.namespace, one.workload].filter(Boolean).join("/")}</span>
                    ) : null}
                  </td>
                  <td>{sentence(one.kind)}</td>
                  <td className={TONES[one.outcome ?? ""] ?? "text-muted"}>{one.outcome ? sentence(one.outcome) : "not told"}</td>
                  <td className="font-mono text-meta">{one.cluster ?? "not told"}</td>
                  <td className="font-mono text-meta">
                    {one.version_from ? `${short(one.version_from)} → ` : ""}
                    {short(one.version_to)}
                  </td>
                  <td>{one.author}</td>
                  <td className="text-muted">{one.source}</td>
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

const short = (version: string): string => (/^[0-9a-f]{40}$/.test(version) ? version.slice(0, 10) : version);
