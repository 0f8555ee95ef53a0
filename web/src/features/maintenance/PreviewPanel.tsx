import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type Preview, type WindowWish, preview } from "../../api/maintenance";
import { plural } from "../../lib/format";
import { SeverityMark } from "../../ui/marks";

const PAUSE_MS = 400;

/** What the draft would hide, asked after a pause in typing. */
export function PreviewPanel({ draft }: { draft: WindowWish | null }) {
  const [settled, setSettled] = useState(draft);
  const text = JSON.stringify(draft);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as WindowWish | null), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery(preview(settled));
  return (
    <section aria-label="What it would hide" aria-live="polite" className="rounded border border-line p-3">
      <h3 className="mb-1 font-semibold">What it would hide</h3>
      {found.isError ? <p className="text-critical">{found.error.message}</p> : null}
      {found.data && !found.isError ? <Told found={found.data} /> : null}
      {!found.data && !found.isError ? <p className="text-muted">{settled ? "Looking…" : "Nothing can be told yet."}</p> : null}
    </section>
  );
}

function Told({ found }: { found: Preview }) {
  const next = found.next.slice(0, 3).map(({ starts_at, ends_at }) => `${at(starts_at)} – ${at(ends_at)}`);
  return (
    <div className="space-y-1">
      <p>
        <span className="text-muted">Next, on your clock: </span>
        {next.length ? next.join("; ") : "none in the next year"}
      </p>
      <p>
        <span className="text-muted">Fires now and would be hidden: </span>
        {plural(found.now_total, "alert")}
      </p>
      <Episodes items={found.now} />
      <p>
        <span className="text-muted">Of the last 14 days: </span>
        {found.past_whenever
          ? `${plural(found.past_total, "alert")} that match, at whatever hour`
          : `${found.past_total} of ${plural(found.past_matching, "alert")} that match fired at such an hour`}
        {found.truncated ? `; only the latest ${found.examined} were looked at` : null}
      </p>
      <Episodes items={found.past} />
    </div>
  );
}

function Episodes({ items }: { items: Preview["now"] }) {
  if (!items.length) return null;
  return (
    <ul className="max-h-28 overflow-y-auto">
      {items.map((one) => (
        <li key={`${one.cluster_id}${one.fingerprint}${one.started_at}`} className="flex gap-3 text-meta">
          <SeverityMark severity={one.severity} />
          <span className="min-w-0 truncate">{one.name}</span>
          <span className="font-mono text-muted">{one.cluster}</span>
          <span className="ml-auto text-muted">{at(one.started_at)}</span>
        </li>
      ))}
    </ul>
  );
}

function at(text: string): string {
  return new Date(text).toLocaleString(undefined, { weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });
}
