import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { Change } from "../../api/maintenance";
import type { Incident } from "../../api/types";
import { subject } from "../../lib/format";
import { clock, stamp, zone } from "../../lib/time";

const MANY = 12;
const HIDDEN = new Set(["alertname", "severity", "job"]);

interface Row {
  key: string;
  at: string;
  said: ReactNode;
}

/** What happened, in its order: alerts, anomalies, changes, comments and what people did. */
export function Timeline({ one, changes }: { one: Incident; changes: readonly Change[] }) {
  const [all, setAll] = useState(false);
  const rows = rowsOf(one, changes);
  // The first and the newest tell most; what lies between is a click away.
  const hidden = all || rows.length <= MANY ? 0 : rows.length - MANY;
  const shown = hidden ? [...rows.slice(0, 4), ...rows.slice(4 + hidden)] : rows;
  return (
    <section className="panel p-3" aria-label="Timeline">
      <h2 className="mb-2 flex items-baseline gap-2 font-semibold">
        Timeline <span className="text-meta font-normal text-muted">{zone}</span>
      </h2>
      <ol className="space-y-1.5">
        {shown.map(({ key, at, said }, place) => (
          <li key={key}>
            {hidden && place === 4 ? (
              <button type="button" className="link mb-1.5 block" onClick={() => setAll(true)}>
                Show {hidden} more between
              </button>
            ) : null}
            <div className="grid grid-cols-[64px_1fr] gap-2">
              <time dateTime={at} title={stamp(at)} className="text-muted">
                {clock(at)}
              </time>
              <span className="min-w-0 break-words">{said}</span>
            </div>
          </li>
        ))}
      </ol>
      {rows.length ? null : <p className="text-muted">Nothing noted yet.</p>}
    </section>
  );
}

function rowsOf(one: Incident, changes: readonly Change[]): Row[] {
  const names = new Map(one.alerts.map((alert) => [`${alert.cluster_id} ${alert.fingerprint}`, about(alert.labels)]));
  const told = one.timeline.map((entry) => {
    const of = entry.alert_fingerprint ? names.get(`${entry.cluster_id} ${entry.alert_fingerprint}`) : undefined;
    return { key: entry.at + entry.kind + entry.text + (entry.alert_fingerprint ?? ""), at: entry.at, said: readable(entry.text) + (of ? `: ${of}` : "") };
  });
  const changed = changes.map(({ id, at, title }) => ({
    key: id,
    at,
    said: (
      <>
        <Link to="/changes" className="link underline">
          Change
        </Link>
        : {title}
      </>
    ),
  }));
  return [...told, ...changed].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** What an alert is about, by its labels. */
export function about(labels: Record<string, string>): string {
  return subject(Object.fromEntries(Object.entries(labels).filter(([name]) => !HIDDEN.has(name))));
}

/** Words of the API's enums as people write them. */
export function readable(text: string): string {
  return text.replace(/\b(CRITICAL|HIGH|MEDIUM|LOW|INFO|OPEN|ACKNOWLEDGED|MITIGATED|RESOLVED|FALSE_POSITIVE)\b/g, (word) =>
    word.toLowerCase().replace("_", " "),
  );
}
