import { useState } from "react";
import type { Incident } from "../../api/types";
import { clock, stamp, zone } from "../../lib/time";

const MANY = 12;

export function Timeline({ one }: { one: Incident }) {
  const [all, setAll] = useState(false);
  // The first and the newest tell most; what lies between is a click away.
  const hidden = all || one.timeline.length <= MANY ? 0 : one.timeline.length - MANY;
  const shown = hidden ? [...one.timeline.slice(0, 4), ...one.timeline.slice(4 + hidden)] : one.timeline;
  return (
    <section className="panel p-3" aria-label="Timeline">
      <h2 className="mb-2 flex items-baseline gap-2 font-semibold">
        Timeline <span className="text-meta font-normal text-muted">{zone}</span>
      </h2>
      <ol className="space-y-1.5">
        {shown.map((entry, at) => (
          <li key={entry.at + entry.kind + entry.text}>
            {hidden && at === 4 ? (
              <button type="button" className="link mb-1.5 block" onClick={() => setAll(true)}>
                Show {hidden} more between
              </button>
            ) : null}
            <div className="grid grid-cols-[64px_1fr] gap-2">
              <time dateTime={entry.at} title={stamp(entry.at)} className="text-muted">
                {clock(entry.at)}
              </time>
              <span className="min-w-0 break-words">{readable(entry.text)}</span>
            </div>
          </li>
        ))}
      </ol>
      {one.timeline.length ? null : <p className="text-muted">Nothing noted yet.</p>}
    </section>
  );
}

/** Words of the API's enums as people write them. */
export function readable(text: string): string {
  return text.replace(/\b(CRITICAL|HIGH|MEDIUM|LOW|INFO|OPEN|ACKNOWLEDGED|MITIGATED|RESOLVED|FALSE_POSITIVE)\b/g, (word) =>
    word.toLowerCase().replace("_", " "),
  );
}
