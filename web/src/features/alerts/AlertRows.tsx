import { type ColumnDef, flexRender, getCoreRowModel, useReactTable } from "@tanstack/react-table";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useContext, useEffect, useMemo, useState } from "react";
import type { Alert } from "../../api/types";
import { ago, stamp } from "../../lib/time";
import { useHold, useHoldUnderPointer, useMedia, useNow } from "../../shell/store";
import { AlertStateMark, HandledMark, SeverityMark } from "../../ui/marks";
import { Box, type Selecting } from "../../ui/selection";
import { IncidentsOf, useIncidentsOf } from "./incidents";
import { about, idOf } from "./words";

const ROW = 32;
/** On a phone a row has three lines: what it is and since when, the alert, and its incident. */
const TALL_ROW = 72;
const GRID =
  "grid grid-cols-[28px_auto_1fr_auto] content-center items-center gap-x-3 px-3 md:grid-cols-[24px_88px_minmax(140px,1.2fr)_112px_minmax(0,2fr)_148px_72px]";

interface Props {
  items: Alert[];
  total: number;
  names: Map<string, string>;
  selecting: Selecting;
  scroller: RefObject<HTMLDivElement | null>;
  more?: () => void;
  onOpen: (alert: Alert) => void;
  /** Where one may: a phone has no keys. */
  onAcknowledge?: (alert: Alert) => void;
}

export function AlertRows({ items, total, names, selecting, scroller, more, onOpen, onAcknowledge }: Props) {
  const columns = useColumns(names, selecting, onAcknowledge);
  const table = useReactTable({ data: items, columns, getCoreRowModel: getCoreRowModel(), getRowId: idOf });
  const rows = table.getRowModel().rows;
  const height = useMedia("(max-width: 767px)") ? TALL_ROW : ROW;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
    scrollPaddingStart: ROW,
  });
  useEffect(() => virtual.measure(), [virtual, height]);
  const visible = virtual.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  const incidents = useIncidentsOf(items, visible[0]?.index ?? 0, last);
  useEffect(() => {
    if (more && last >= rows.length - 60) more();
  }, [more, last, rows.length]);
  // Whoever reads further down must not have the rows move under the eyes.
  const [scrolled, setScrolled] = useState(false);
  useHold("scroll", scrolled);
  const hold = useHoldUnderPointer();
  return (
    <IncidentsOf.Provider value={incidents}>
    <div
      ref={scroller}
      {...hold}
      onScroll={(event) => setScrolled(event.currentTarget.scrollTop > ROW * 2)}
      className="h-full overflow-y-auto"
      role="table"
      aria-label="Alerts"
      aria-rowcount={total + 1}
    >
      <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-panel">
        {table.getHeaderGroups().map((group) => (
          <div key={group.id} role="row" aria-rowindex={1} className={`${GRID} h-8 text-meta font-medium text-muted max-md:hidden`}>
            {group.headers.map((header) => (
              <div key={header.id} role="columnheader">
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
              data-row-id={row.id}
              tabIndex={0}
              aria-rowindex={index + 2}
              className={`${GRID} absolute w-full cursor-pointer scroll-mt-8 border-b border-line hover:bg-raised focus-visible:-outline-offset-2 ${
                selecting.selected.has(row.id) ? "bg-raised" : ""
              }`}
              style={{ height, transform: `translateY(${start}px)` }}
              onClick={open}
              onKeyDown={(event) => (event.key === "Enter" && event.target === event.currentTarget ? open() : undefined)}
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
    </IncidentsOf.Provider>
  );
}

function useColumns(
  names: Map<string, string>,
  selecting: Selecting,
  onAcknowledge: Props["onAcknowledge"],
): ColumnDef<Alert>[] {
  return useMemo(
    () => [
      {
        id: "box",
        header: ({ table }) => (
          <Box
            label="Select all alerts that are read"
            checked={selecting.selected.size > 0 && selecting.selected.size === table.getRowModel().rows.length}
            partly={selecting.selected.size > 0}
            onChange={selecting.toggleAll}
          />
        ),
        cell: ({ row }) => (
          <Box
            label={`Select ${row.original.name}`}
            checked={selecting.selected.has(row.id)}
            onChange={() => selecting.toggle(row.id)}
          />
        ),
      },
      { id: "severity", header: "Severity", cell: ({ row }) => <SeverityMark severity={row.original.severity} /> },
      {
        id: "name",
        header: "Alert",
        meta: "max-md:order-last max-md:col-span-4 max-md:pl-10",
        cell: ({ row }) => (
          <span className="flex items-center gap-2">
          <span className="block min-w-0 flex-1 truncate font-medium" title={row.original.name}>
            {row.original.name}
            {row.original.maintained_by.length ? <span className="ml-2 font-normal text-muted">in maintenance</span> : null}
            {row.original.flapping ? <span className="ml-2 font-normal text-medium">flapping</span> : null}
            {row.original.members > 1 ? <span className="ml-2 font-normal text-muted">×{row.original.members}</span> : null}
            <span className="ml-2 font-mono font-normal text-muted md:hidden">{row.original.cluster}</span>
            <span className="block font-normal md:hidden">
              <Cause of={row.original} />
            </span>
          </span>
            {onAcknowledge && row.original.status === "NEW" ? (
              <button
                type="button"
                className="button h-7 px-2 md:hidden"
                aria-label={`Acknowledge ${row.original.name}`}
                onClick={(event) => {
                  event.stopPropagation();
                  onAcknowledge(row.original);
                }}
              >
                Ack
              </button>
            ) : null}
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
        cell: ({ row }) => (
          <span className="flex items-baseline gap-3">
            <span className="min-w-0 truncate text-muted" title={about(row.original)}>
              {about(row.original)}
            </span>
            <Cause of={row.original} />
          </span>
        ),
      },
      {
        id: "handled",
        header: "Handled",
        cell: ({ row }) => <HandledCell alert={row.original} />,
      },
      { id: "since", header: "Since", cell: ({ row }) => <Since at={row.original.starts_at} /> },
    ],
    [names, selecting, onAcknowledge],
  );
}

/** What fires is told by what people do about it; what does not, by its state. */
function HandledCell({ alert }: { alert: Alert }) {
  if (alert.state !== "FIRING" && alert.status === "NEW") return <AlertStateMark state={alert.state} />;
  return (
    <span className="flex min-w-0 items-center gap-2">
      <HandledMark status={alert.status} />
      {alert.assignee ? <span className="truncate text-muted">{alert.assignee}</span> : null}
    </span>
  );
}

/** The incident that holds it, and the likely cause of that where one decides. */
function Cause({ of }: { of: Alert }) {
  const incident = useContext(IncidentsOf).get(idOf(of));
  if (!incident) return null;
  const { cause } = incident;
  return (
    <span className="flex max-w-full shrink-0 items-baseline gap-1.5 text-meta md:max-w-3/5">
      <Link
        to="/incidents/$incidentId"
        params={{ incidentId: incident.id }}
        className="link shrink-0"
        title={incident.title}
        onClick={(event) => event.stopPropagation()}
      >
        {incident.key}
      </Link>
      {cause ? (
        <span className="truncate" title={`Likely cause: ${cause.title} (${Math.round(cause.confidence * 100)} %)`}>
          {cause.title}
        </span>
      ) : null}
    </span>
  );
}

function Since({ at }: { at: string }) {
  const now = useNow(15_000);
  return (
    <time dateTime={at} title={stamp(at)} className="whitespace-nowrap text-muted">
      {ago(at, now)}
    </time>
  );
}
