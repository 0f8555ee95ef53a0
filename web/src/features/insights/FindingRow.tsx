import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Group, group } from "../../api/insight";
import { plural } from "../../lib/format";
import { ago, clock, stamp } from "../../lib/time";
import { useNow } from "../../shell/store";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";
import { Why } from "./Why";

const KIND: Record<Group["kind"], string> = { WORKLOAD: "workload", NODE: "node", SERIES: "series" };

/** A finding: the series of one place that moved together, and, once opened, its members by rank. */
export function FindingRow({ one }: { one: Group }) {
  const [open, setOpen] = useState(false);
  const now = useNow();
  const told = [...new Set(one.leading.map(({ title }) => title))];
  const incident = one.leading.find(({ incident_id }) => incident_id)?.incident_id;
  return (
    <li className="px-3 py-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <button
          type="button"
          className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1 text-left"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <span aria-hidden="true" className="w-3 text-muted">
            {open ? "▾" : "▸"}
          </span>
          <SeverityMark severity={one.severity} />
          <span className="font-mono font-medium break-all">{one.name}</span>
          <span className="text-muted">{KIND[one.kind]}</span>
          <span className="min-w-0 truncate">
            {told.slice(0, 3).join(", ")}
            {told.length > 3 ? " …" : ""}
          </span>
          <span className="text-muted">{plural(one.members, "series", "series")}</span>
        </button>
        {incident ? (
          <Link to="/incidents/$incidentId" params={{ incidentId: incident }} className="link">
            Incident
          </Link>
        ) : null}
        <span className="whitespace-nowrap text-muted" title={stamp(one.started_at)}>
          {one.ended_at ? `${clock(one.started_at)} – ${clock(one.ended_at)}` : `since ${ago(one.started_at, now)}`}
        </span>
      </div>
      {open ? <Members one={one} /> : null}
    </li>
  );
}

function Members({ one }: { one: Group }) {
  const whole = useQuery({ ...group(one.id), enabled: one.members > one.leading.length });
  const members = whole.data?.leading ?? one.leading;
  return (
    <div className="mt-2 ml-6 space-y-2.5">
      <QueryFailure what="Reading its members" query={whole} />
      <ol className="space-y-2.5">
        {members.map((anomaly) => (
          <li key={anomaly.id}>
            <Why anomaly={anomaly} />
          </li>
        ))}
      </ol>
      {whole.isLoading ? <Skeleton rows={3} /> : null}
    </div>
  );
}
