import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { CLASSES, FINDINGS, type LogSource, PATTERN_SORTS, logSources, patternPages } from "../../api/patterns";
import { patternsFound } from "../../api/patternSearch";
import { clusters } from "../../api/queries";
import { formatDuration } from "../../lib/time";
import { plural } from "../../lib/format";
import type { PatternsSearch } from "../../router/search";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect, SearchField } from "../../ui/filters";
import { PageHead } from "../../ui/page";
import { useStartAnewOnResume } from "../../ui/paging";
import { FoundPatterns, Method } from "./Found";
import { PatternDrawer } from "./PatternDrawer";
import { PatternRows } from "./PatternRows";

const SEVERITIES = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"];
const ORDERS = new Map([
  ["last_seen", "Latest first"],
  ["count", "Most lines first"],
  ["first_seen", "Newest first"],
]);

export function PatternsPage() {
  const search: PatternsSearch = useSearch({ from: "/shell/patterns" });
  const navigate = useNavigate({ from: "/patterns" });
  const pages = patternPages({
    cluster_id: search.cluster,
    severity: search.severity,
    failure_class: search.about,
    finding: search.finding,
    sort: search.sort,
  });
  const patterns = useInfiniteQuery(pages);
  const found = useQuery(patternsFound(search.q, search.cluster));
  const fleet = useQuery(clusters);
  const names = useMemo(() => new Map(fleet.data?.map(({ id, name }) => [id, name])), [fleet.data]);
  const items = useMemo(() => patterns.data?.pages.flatMap((page) => page.items) ?? [], [patterns.data]);
  const total = patterns.data?.pages[0]?.total;
  const scroller = useRef<HTMLDivElement>(null);
  useStartAnewOnResume(pages.queryKey, () => scroller.current?.scrollTo(0, 0));
  const set = (part: Partial<PatternsSearch>, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace });
  const searching = Boolean(search.q?.trim());
  return (
    <div className="flex h-full flex-col">
      <div className="px-3 pt-3 md:px-4 md:pt-4">
        <PageHead
          title="Log patterns"
          note={searching ? <Method found={found.data} /> : total === undefined ? null : plural(total, "pattern")}
        >
          <SearchField value={search.q} label="Search patterns" onChange={(q) => set({ q })} />
          {searching ? null : (
            <>
              <FilterSelect label="Finding" value={search.finding} options={FINDINGS} onChange={(finding) => set({ finding })} />
              <FilterSelect label="Severity" value={search.severity} options={SEVERITIES} onChange={(severity) => set({ severity })} />
              <FilterSelect label="About" value={search.about} options={CLASSES} onChange={(about) => set({ about })} />
            </>
          )}
          <FilterSelect label="Cluster" value={search.cluster} options={[...names.keys()]} names={names} onChange={(cluster) => set({ cluster })} />
          {searching ? null : (
            <select
              aria-label="Order"
              className="field w-auto"
              value={search.sort ?? "last_seen"}
              onChange={(event) => set({ sort: PATTERN_SORTS.find((one) => one === event.target.value) })}
            >
              {PATTERN_SORTS.map((one) => (
                <option key={one} value={one}>
                  {ORDERS.get(one)}
                </option>
              ))}
            </select>
          )}
        </PageHead>
        <Bounds cluster={search.cluster} />
        <div className="pb-3 empty:hidden">
          <QueryFailure what="Reading log patterns" query={patterns} />
        </div>
      </div>
      <div className="min-h-0 flex-1 px-3 pb-3 md:px-4">
        <div className="panel h-full min-h-40 overflow-hidden">
          {searching ? (
            <div className="h-full overflow-y-auto">
              <FoundPatterns
                query={found}
                label="Patterns that were found"
                nothing="No pattern says this"
                onOpen={(hit) => set({ open: hit.id }, false)}
              />
            </div>
          ) : (
            <>
              {patterns.isPending ? <Skeleton rows={12} /> : null}
              {items.length ? (
                <PatternRows
                  items={items}
                  total={total ?? items.length}
                  scroller={scroller}
                  more={patterns.hasNextPage && !patterns.isFetching ? () => void patterns.fetchNextPage() : undefined}
                  onOpen={(one) => set({ open: one.id }, false)}
                />
              ) : patterns.data ? (
                <Nothing search={search} set={set} />
              ) : null}
            </>
          )}
        </div>
      </div>
      <PatternDrawer
        wanted={search.open}
        listed={items.find(({ id }) => id === search.open)}
        onOpen={(open) => set({ open }, false)}
        onClose={() => set({ open: undefined }, false)}
      />
    </div>
  );
}

/** Where less was looked at than there is, and why. */
function Bounds({ cluster }: { cluster: string | undefined }) {
  const sources = useQuery(logSources);
  const shown = sources.data?.items.filter((one) => (!cluster || one.cluster_id === cluster) && said(one)) ?? [];
  if (!shown.length) return null;
  return (
    <ul className="panel mb-3 max-h-24 divide-y divide-line overflow-y-auto" aria-label="What was not looked at">
      {shown.map((one) => (
        <li key={`${one.cluster_id}${one.source}`} className="flex items-baseline gap-3 px-3 py-1">
          <span className="shrink-0 font-mono">{one.cluster}</span>
          <span className="shrink-0 text-muted">{one.source}</span>
          <span className="min-w-0">{said(one)}</span>
        </li>
      ))}
    </ul>
  );
}

export function said(source: LogSource): string {
  const parts = [source.note ?? ""];
  if (source.skipped_s >= 1 && !source.note) parts.push(`${formatDuration(source.skipped_s)} of it were left out in all: it had more lines than are looked at.`);
  if (source.without_room) parts.push(`${plural(source.without_room, "line")} came when ${plural(source.patterns_limit, "pattern")} were known, and are not shown.`);
  return parts.filter(Boolean).join(" ");
}

function Nothing({ search, set }: { search: PatternsSearch; set: (part: Partial<PatternsSearch>) => void }) {
  if (search.severity || search.cluster || search.about || search.finding)
    return (
      <Empty title="No pattern matches these filters">
        <button
          type="button"
          className="link"
          onClick={() => set({ severity: undefined, cluster: undefined, about: undefined, finding: undefined })}
        >
          Clear the filters
        </button>
      </Empty>
    );
  return (
    <Empty title="No log lines were read yet">
      Patterns are made of the lines of every cluster that has a Loki, and of this machine&apos;s own log.{" "}
      <Link to="/fleet/add" className="link">
        Add a cluster with its Loki
      </Link>
      , or name files in AIOPS_LOG_FILES.
    </Empty>
  );
}
