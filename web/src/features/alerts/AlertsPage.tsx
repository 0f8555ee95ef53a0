import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ColumnDef, flexRender, getCoreRowModel, useReactTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { call } from "../../api/client";
import { clusters } from "../../api/queries";
import type { Alert, Page as ApiPage } from "../../api/types";
import type { ListSearch } from "../../router";
import { plural, subject } from "../../lib/format";
import { ago } from "../../lib/time";
import { useLive, useMedia, useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect, SearchField } from "../../ui/filters";
import { AlertStateMark, SeverityMark } from "../../ui/marks";
import { PageHead } from "../../ui/page";
import { AlertDrawer } from "./AlertDrawer";

const ROW = 32;
/** On a phone a row has two lines: what it is and since when, then the alert. */
const TALL_ROW = 56;
const GRID = "grid grid-cols-[96px_1fr_auto] content-center md:grid-cols-[96px_96px_minmax(160px,1.2fr)_128px_minmax(0,2fr)_96px] items-center gap-x-3 px-3";

export function useAlerts(search: ListSearch) {
  const filters = { state: search.state, severity: search.severity, cluster_id: search.cluster, q: search.q };
  return useInfiniteQuery({
    queryKey: ["alerts", filters],
    queryFn: ({ pageParam, signal }) =>
      call<ApiPage<Alert>>("alerts", { query: { ...filters, cursor: pageParam, page_size: 100 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function AlertsPage() {
  const search: ListSearch = useSearch({ from: "/shell/alerts" });
  const navigate = useNavigate({ from: "/alerts" });
  const alerts = useAlerts(search);
  const fleet = useQuery(clusters);
  const names = useMemo(() => new Map(fleet.data?.map(({ id, name }) => [id, name])), [fleet.data]);
  const items = useMemo(() => alerts.data?.pages.flatMap((page) => page.items) ?? [], [alerts.data]);
  const total = alerts.data?.pages[0]?.total;
  const set = (part: Partial<ListSearch>, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace });
  const filtered = Boolean(search.state || search.severity || search.cluster || search.q);
  const opened = items.find((one) => `${one.cluster_id}/${one.fingerprint}` === search.open);
  return (
    <div className="flex h-full flex-col">
      <div className="px-3 pt-3 md:px-4 md:pt-4">
        <PageHead title="Alerts" note={total === undefined ? null : plural(total, "alert")}>
          <SearchField value={search.q} label="Search alerts" onChange={(q) => set({ q })} />
          <FilterSelect
            label="State"
            value={search.state}
            options={["FIRING", "PENDING", "RESOLVED"]}
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
        <div className="empty:hidden pb-3">
          <QueryFailure what="Reading alerts" query={alerts} />
        </div>
      </div>
      <div className="min-h-0 flex-1 px-3 pb-3 md:px-4">
        <div className="panel h-full overflow-hidden">
          {alerts.isPending ? (
            <Skeleton rows={12} />
          ) : items.length ? (
            <Rows
              items={items}
              names={names}
              more={alerts.hasNextPage && !alerts.isFetching ? () => void alerts.fetchNextPage() : undefined}
              onOpen={(one) => set({ open: `${one.cluster_id}/${one.fingerprint}` }, false)}
            />
          ) : alerts.data ? (
            <Empty title={filtered ? "No alert matches these filters" : "No alerts have arrived"}>
              {filtered ? (
                <button
                  type="button"
                  className="link"
                  onClick={() => set({ state: undefined, severity: undefined, cluster: undefined, q: undefined })}
                >
                  Clear the filters
                </button>
              ) : (
                "Point an Alertmanager webhook at /api/v1/alerts/webhook, with the token of a source made under Sources."
              )}
            </Empty>
          ) : null}
        </div>
      </div>
      <AlertDrawer
        alert={opened}
        clusterName={opened ? (opened.cluster ?? names.get(opened.cluster_id)) : undefined}
        wanted={search.open}
        onClose={() => set({ open: undefined }, false)}
      />
    </div>
  );
}

function useColumns(names: Map<string, string>): ColumnDef<Alert>[] {
  return useMemo(
    () => [
      { id: "severity", header: "Severity", cell: ({ row }) => <SeverityMark severity={row.original.severity} /> },
      { id: "state", header: "State", cell: ({ row }) => <AlertStateMark state={row.original.state} /> },
      {
        id: "name",
        header: "Alert",
        meta: "max-md:order-last max-md:col-span-3",
        cell: ({ row }) => (
          <span className="block truncate font-medium">
            {row.original.name}
            <span className="ml-2 font-mono font-normal text-muted md:hidden">{row.original.cluster}</span>
          </span>
        ),
      },
      {
        id: "cluster",
        header: "Cluster",
        meta: "max-md:hidden",
        cell: ({ row }) => (
          <span className="block truncate font-mono">
            {row.original.cluster ?? names.get(row.original.cluster_id) ?? row.original.cluster_id.slice(0, 8)}
          </span>
        ),
      },
      {
        id: "about",
        header: "About",
        meta: "max-md:hidden",
        cell: ({ row }) => <span className="block truncate text-muted">{about(row.original)}</span>,
      },
      { id: "since", header: "Since", cell: ({ row }) => <Since at={row.original.starts_at} /> },
    ],
    [names],
  );
}

function about({ annotations, labels }: Alert): string {
  const { alertname: _name, severity: _severity, ...rest } = labels;
  return annotations.summary ?? annotations.description ?? subject(rest);
}

function Since({ at }: { at: string }) {
  const now = useNow(15_000);
  return <span className="whitespace-nowrap text-muted">{ago(at, now)}</span>;
}

interface RowsProps {
  items: Alert[];
  names: Map<string, string>;
  more?: () => void;
  onOpen: (alert: Alert) => void;
}

function Rows({ items, names, more, onOpen }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { paused, setPaused } = useLive();
  const columns = useColumns(names);
  const table = useReactTable({
    data: items,
    columns,
    getCoreRowModel: getCoreRowModel(),
    getRowId: (one) => `${one.cluster_id}/${one.fingerprint}`,
  });
  const rows = table.getRowModel().rows;
  const height = useMedia("(max-width: 767px)") ? TALL_ROW : ROW;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  });
  useEffect(() => virtual.measure(), [virtual, height]);
  const visible = virtual.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= rows.length - 20) more();
  }, [more, last, rows.length]);
  // Whoever reads further down must not have the rows move under the cursor.
  const scrolled = () => {
    if (!paused && (scroller.current?.scrollTop ?? 0) > ROW * 2) setPaused(true);
  };
  return (
    <div ref={scroller} onScroll={scrolled} className="h-full overflow-y-auto" role="table" aria-rowcount={rows.length}>
      <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-panel">
        {table.getHeaderGroups().map((group) => (
          <div key={group.id} role="row" className={`${GRID} h-8 text-meta font-medium text-muted max-md:hidden`}>
            {group.headers.map((header) => (
              <div key={header.id} role="columnheader" className={String(header.column.columnDef.meta ?? "")}>
                {flexRender(header.column.columnDef.header, header.getContext())}
              </div>
            ))}
          </div>
        ))}
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
        {visible.map(({ index, start }) => {
          const row = rows[index];
          if (!row) return null;
          const open = () => onOpen(row.original);
          return (
            <div
              key={row.id}
              role="row"
              data-row
              tabIndex={0}
              aria-rowindex={index + 1}
              aria-label={`Open ${row.original.name}`}
              className={`${GRID} absolute w-full cursor-pointer border-b border-line hover:bg-raised focus-visible:-outline-offset-2`}
              style={{ height, transform: `translateY(${start}px)` }}
              onClick={open}
              onKeyDown={(event) => (event.key === "Enter" ? open() : undefined)}
            >
              {row.getVisibleCells().map((cell) => (
                <div key={cell.id} role="cell" className={`min-w-0 ${String(cell.column.columnDef.meta ?? "")}`}>
                  {flexRender(cell.column.columnDef.cell, cell.getContext())}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
