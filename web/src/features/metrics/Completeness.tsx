import { useState } from "react";
import type { ClusterOutcome } from "../../api/types";
import { formatValue, plural } from "../../lib/format";
import { ago, formatDuration } from "../../lib/time";
import { useNow } from "../../shell/store";
import { OutcomeMark } from "../../ui/marks";
import { coarser, explained, lacking } from "./outcomes";

const NAMED = 3;
const LONGEST = 72;

/** Short enough for a line above a chart; the table of clusters has the whole. */
function clipped(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST).trimEnd()}…` : text;
}

/** Which clusters answered, which did not and why, and how old the answer is. */
export function Completeness({
  outcomes,
  updatedAt,
  onWait,
}: {
  outcomes: ClusterOutcome[];
  updatedAt: number;
  /** Asks again and gives the slow ones more time; nothing where that was done. */
  onWait?: () => void;
}) {
  const now = useNow();
  const [open, setOpen] = useState(false);
  const missing = lacking(outcomes);
  const slowest = Math.max(0, ...outcomes.map(({ latency_ms }) => latency_ms));
  const coarse = coarser(outcomes);
  const named = missing.slice(0, NAMED).map((one) => `; ${one.cluster} ${clipped(explained(one))}`);
  const oldest = Math.max(0, ...outcomes.map(({ age_s }) => age_s ?? 0));
  return (
    <div>
      {outcomes.length > 1 ? <ClusterStrip outcomes={outcomes} /> : null}
      <p className={missing.length ? "text-high" : "text-muted"} role={missing.length ? "status" : undefined}>
        {outcomes.length - missing.length} of {plural(outcomes.length, "cluster")} answered
        {named.join("")}
        {missing.length > NAMED ? `; and ${missing.length - NAMED} more` : ""}
        <span className="text-muted">
          {" "}
          · slowest {formatValue(slowest / 1000, "seconds")} · {ago(updatedAt, now)}
          {oldest >= 1 ? `, the oldest part ${formatDuration(oldest)} older` : ""}
        </span>
        {onWait && missing.some(({ status }) => status === "TIMEOUT") ? (
          <button type="button" className="link ml-2" onClick={onWait}>
            Wait longer
          </button>
        ) : null}
        {outcomes.length > 1 ? (
          <button type="button" className="link ml-2" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Hide the clusters" : "By cluster"}
          </button>
        ) : null}
      </p>
      {coarse.length ? <p className="text-meta text-muted">Coarser: {coarse.slice(0, NAMED).join("; ")}</p> : null}
      {open ? <ByCluster outcomes={outcomes} /> : null}
    </div>
  );
}

const FILLS: Record<string, string> = { SUCCESS: "bg-line", PARTIAL: "bg-high" };

/** A mark for each cluster, always in the same place: grey has answered, colour has not. The line below says it in words. */
function ClusterStrip({ outcomes }: { outcomes: ClusterOutcome[] }) {
  const sorted = outcomes.toSorted((a, b) => a.cluster.localeCompare(b.cluster, "en", { numeric: true }));
  return (
    <div aria-hidden="true" className="mb-1 flex h-1.5 gap-px">
      {sorted.map((one) => (
        <span
          key={one.cluster_id}
          className={`min-w-0.5 flex-1 rounded-xs ${FILLS[one.status] ?? "bg-critical"}`}
          title={`${one.cluster}: ${one.status === "SUCCESS" ? "answered" : explained(one)}`}
        />
      ))}
    </div>
  );
}

function ByCluster({ outcomes }: { outcomes: ClusterOutcome[] }) {
  const sorted = outcomes.toSorted((a, b) => Number(a.status === "SUCCESS") - Number(b.status === "SUCCESS"));
  return (
    <div className="panel mt-2 max-h-80 overflow-auto">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Cluster</th>
            <th scope="col">Answer</th>
            <th scope="col" className="text-right">
              Took
            </th>
            <th scope="col" className="text-right">
              Age
            </th>
            <th scope="col" className="w-1/2">
              Why
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((one) => (
            <tr key={one.cluster_id}>
              <td className="font-mono">{one.cluster}</td>
              <td>
                <OutcomeMark ok={one.status === "SUCCESS"} />
              </td>
              <td className="text-right whitespace-nowrap">{formatValue(one.latency_ms / 1000, "seconds")}</td>
              <td className="text-right whitespace-nowrap">
                {one.age_s === null || one.age_s === undefined ? "–" : formatDuration(one.age_s)}
              </td>
              <td className="text-muted">{one.status === "SUCCESS" ? (one.notes).join("; ") : explained(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
