import { useState } from "react";
import type { Cause, Evidence } from "../../api/types";
import { subject } from "../../lib/format";
import { EvidenceChart } from "./EvidenceChart";
import { StructureEvidence } from "./StructureEvidence";
import { WasIt } from "./WasIt";

/** The unit of what a query gives: that of the watch it names, else of the cause's own. */
function unitOf(query: string, cause: Cause, units: Map<string, string>): string {
  const named = /watch="([^"]+)"/.exec(query)?.[1];
  return units.get(named ?? cause.watch ?? "") ?? "";
}

const keyOf = (one: Evidence) => [one.kind, one.title, one.query, ...(one.ids ?? [])].join(" ");

interface Props {
  cause: Cause;
  units: Map<string, string>;
  first: boolean;
  incidentId: string;
  /** What was changed around it, for the charts. */
  changes: { at: number; word: string }[];
}

/** One ranked cause: its reasons in words, then what numbers show of it beside what is known around it. */
export function CauseCard({ cause, units, first, incidentId, changes }: Props) {
  const [open, setOpen] = useState(first);
  const percent = Math.round(cause.confidence * 100);
  const measured = cause.evidence.filter(({ kind }) => kind === "METRIC");
  const known = cause.evidence.filter(({ kind }) => kind !== "METRIC");
  return (
    <article className="panel p-3">
      <header className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <span className="text-muted">{cause.rank}</span>
        <h3 className="text-[15px] font-semibold">{cause.subject || cause.title}</h3>
        {cause.subject ? <span>{cause.title}</span> : null}
        <span className="font-mono text-muted">{[cause.cluster, cause.subject ? "" : subject(cause.labels)].filter(Boolean).join(" · ")}</span>
        <span className="ml-auto flex items-center gap-2 whitespace-nowrap">
          <span aria-hidden="true" className="h-1.5 w-20 overflow-hidden rounded bg-raised">
            <span className="block h-full bg-accent" style={{ width: `${percent}%` }} />
          </span>
          {percent} % sure
        </span>
      </header>
      <ul className="mt-1 list-disc pl-5">
        {cause.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <WasIt cause={cause} incidentId={incidentId} />
        {cause.evidence.length ? (
          <button type="button" className="button ml-auto h-7" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Hide the evidence" : `Show the evidence (${cause.evidence.length})`}
          </button>
        ) : null}
      </div>
      {open
        ? measured.map((one) => (
            <EvidenceChart
              key={keyOf(one)}
              evidence={one}
              movedAt={cause.moved_at}
              unit={unitOf(one.query ?? "", cause, units)}
              changes={changes}
            />
          ))
        : null}
      {open && known.length ? (
        <section className="mt-3 border-t border-line pt-2" aria-label="Known around it">
          <h4 className="font-medium">Known around it</h4>
          <ul className="mt-1 space-y-1.5">
            {known.map((one) => (
              <StructureEvidence key={keyOf(one)} evidence={one} />
            ))}
          </ul>
        </section>
      ) : null}
    </article>
  );
}
