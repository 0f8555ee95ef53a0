import { Link } from "@tanstack/react-router";
import type { IncidentSummary } from "../../api/types";
import { plural } from "../../lib/format";
import { ago, stamp } from "../../lib/time";
import { useHoldUnderPointer, useNow } from "../../shell/store";
import { SeverityMark, StatusMark } from "../../ui/marks";
import { Box, type Selecting } from "../../ui/selection";

const CELLS =
  "grid min-w-0 grid-cols-[auto_auto_1fr] items-center gap-x-4 py-1.5 pr-3 pl-2 md:h-8 md:grid-cols-[80px_120px_minmax(0,1fr)_minmax(0,120px)_88px] md:py-0 xl:grid-cols-[80px_120px_minmax(0,1fr)_minmax(0,88px)_176px_80px_72px]";

interface Props {
  items: IncidentSummary[];
  /** None for those who may only read. */
  selecting?: Selecting;
}

export function IncidentList({ items, selecting }: Props) {
  const now = useNow();
  const hold = useHoldUnderPointer();
  const row = selecting ? "grid grid-cols-[32px_minmax(0,1fr)]" : "pl-1";
  return (
    <div {...hold}>
      <div className={`border-b border-line text-meta font-medium text-muted max-md:hidden ${row}`}>
        {selecting ? (
          <Box
            label="Select all incidents shown"
            checked={selecting.selected.size === items.length}
            partly={selecting.selected.size > 0}
            onChange={selecting.toggleAll}
          />
        ) : null}
        <div aria-hidden="true" className={`${CELLS} h-8`}>
          <span>Severity</span>
          <span>Status</span>
          <span>Incident</span>
          <span>Clusters</span>
          <span className="max-xl:hidden">Strikes</span>
          <span className="max-xl:hidden">Owner</span>
          <span className="text-right">Opened</span>
        </div>
      </div>
      <ul aria-label="Incidents" className="divide-y divide-line">
        {items.map((one) => (
          <li
            key={one.id}
            data-row-id={one.id}
            className={`${row} hover:bg-raised ${selecting?.selected.has(one.id) ? "bg-raised" : ""}`}
          >
            {selecting ? (
              <Box
                label={`Select ${one.key}`}
                checked={selecting.selected.has(one.id)}
                onChange={() => selecting.toggle(one.id)}
              />
            ) : null}
            <Row one={one} now={now} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({ one, now }: { one: IncidentSummary; now: number }) {
  const over = one.status === "RESOLVED" || one.status === "FALSE_POSITIVE";
  return (
    <Link
      data-row
      to="/incidents/$incidentId"
      params={{ incidentId: one.id }}
      className={`${CELLS} focus-visible:-outline-offset-2`}
    >
      <SeverityMark severity={one.severity} />
      <StatusMark status={one.status} />
      <span
        className={`min-w-0 max-md:order-last max-md:col-span-3 md:truncate ${over ? "text-muted" : "font-medium"}`}
        title={one.title}
      >
        <span className="mr-2 font-mono font-normal text-muted">{one.key}</span>
        {one.title}
        <span className="ml-2 font-mono font-normal text-muted md:hidden">{names(one)}</span>
      </span>
      <span className="truncate font-mono max-md:hidden" title={names(one)}>
        {one.clusters.length > 2 ? `${one.clusters.length} of ${one.fleet}` : names(one)}
      </span>
      <span className="truncate text-muted max-xl:hidden" title={made(one)}>
        {made(one)}
      </span>
      <span className="truncate text-muted max-xl:hidden" title={one.owner ?? one.team ?? undefined}>
        {one.owner ?? one.team ?? "nobody"}
      </span>
      <time dateTime={one.detected_at} title={stamp(one.detected_at)} className="text-right whitespace-nowrap text-muted">
        {ago(one.detected_at, now)}
      </time>
    </Link>
  );
}

function made(one: IncidentSummary): string {
  const parts = [
    one.workloads ? plural(one.workloads, "workload") : "",
    one.alert_count ? plural(one.alert_count, "alert") : "",
    one.anomaly_count ? plural(one.anomaly_count, "anomaly", "anomalies") : "",
    one.finding_count ? plural(one.finding_count, "finding") : "",
  ];
  return parts.filter(Boolean).join(", ") || "opened by hand";
}

function names(one: IncidentSummary): string {
  return one.clusters.map(({ name }) => name).join(", ");
}
