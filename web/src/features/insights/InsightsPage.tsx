import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { groups } from "../../api/insight";
import { clusters } from "../../api/queries";
import { plural } from "../../lib/format";
import type { InsightsSearch } from "../../router/search";
import { useRange } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect } from "../../ui/filters";
import { Page, PageHead } from "../../ui/page";
import { FindingRow } from "./FindingRow";
import { Forecasts } from "./Forecasts";
import { RateSection } from "./RateSection";

const KINDS = new Map([
  ["WORKLOAD", "Workloads"],
  ["NODE", "Nodes"],
  ["SERIES", "Other series"],
]);

export function InsightsPage() {
  const search: InsightsSearch = useSearch({ from: "/shell/insights" });
  const navigate = useNavigate({ from: "/insights" });
  const fleet = useQuery(clusters);
  const names = useMemo(() => new Map(fleet.data?.map(({ id, name }) => [id, name])), [fleet.data]);
  const set = (part: Partial<InsightsSearch>) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  return (
    <Page>
      <PageHead title="Insights" note="What is not as expected, and since when">
        <FilterSelect
          label="Cluster"
          value={search.cluster}
          options={[...names.keys()]}
          names={names}
          onChange={(cluster) => set({ cluster, mark: undefined })}
        />
        <FilterSelect label="Of" value={search.kind} options={[...KINDS.keys()]} names={KINDS} onChange={(kind) => set({ kind })} />
        <FilterSelect
          label="State"
          value={search.state}
          options={["ACTIVE", "ENDED"]}
          onChange={(state) => set({ state })}
        />
        <Link to="/watches" className="button">
          Watches
        </Link>
      </PageHead>
      <div className="space-y-4">
        <RateSection names={names} cluster={search.cluster} mark={search.mark} onMark={(mark) => set({ mark })} />
        <Findings search={search} />
        <Forecasts clusterId={search.cluster} open={search.open} onOpen={(open) => set({ open })} />
      </div>
    </Page>
  );
}

function Findings({ search }: { search: InsightsSearch }) {
  const [range] = useRange();
  const active = search.state === undefined ? undefined : search.state === "ACTIVE";
  const pages = useInfiniteQuery(groups({ cluster_id: search.cluster, kind: search.kind, active }, range));
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const total = pages.data?.pages[0]?.total;
  const byCluster = Map.groupBy(items, ({ cluster }) => cluster);
  return (
    <section aria-label="Findings">
      <h2 className="mb-1 flex items-baseline gap-2 font-semibold">
        Findings
        {total ? <span className="text-meta font-normal text-muted">{total.toLocaleString("en")} in this range</span> : null}
      </h2>
      <QueryFailure what="Reading the findings" query={pages} />
      {pages.isPending ? <Skeleton rows={8} /> : null}
      {pages.data && items.length === 0 ? (
        <div className="panel">
          <Empty title="Nothing was out of the ordinary">
            In this range and with these filters no watched series left its band, passed its limit or fell silent.
          </Empty>
        </div>
      ) : null}
      <div className="space-y-3">
        {[...byCluster].map(([cluster, found]) => (
          <section key={cluster} aria-label={cluster}>
            <h3 className="mb-1 flex items-baseline gap-2 text-meta text-muted">
              <Link to="/fleet/$clusterId" params={{ clusterId: found[0]?.cluster_id ?? "" }} className="link font-mono">
                {cluster}
              </Link>
              {plural(found.length, "finding")}
            </h3>
            <ul className="panel divide-y divide-line">
              {found.map((one) => (
                <FindingRow key={one.id} one={one} />
              ))}
            </ul>
          </section>
        ))}
      </div>
      {pages.hasNextPage ? (
        <button
          type="button"
          className="button mt-2"
          disabled={pages.isFetchingNextPage}
          onClick={() => void pages.fetchNextPage()}
        >
          Show older ones
        </button>
      ) : null}
    </section>
  );
}
