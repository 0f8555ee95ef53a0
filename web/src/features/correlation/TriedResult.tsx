import type { Tried } from "../../api/correlation";
import { plural } from "../../lib/format";
import { stamp } from "../../lib/time";

/** Before and after: what a rule would have made of the alerts of the last day. */
export function TriedResult({ tried }: { tried: Tried }) {
  if (!tried.looked_at) return <p role="status" className="text-muted">No alert came in that time: nothing to try it on.</p>;
  if (!tried.matched) {
    return (
      <p role="status" className="text-muted">
        None of {plural(tried.looked_at, "alert")} matches.
      </p>
    );
  }
  return (
    <section aria-label="What it would have gathered" className="border-t border-line pt-3">
      <p role="status" className="font-medium">
        {plural(tried.matched, "alert")} of {tried.looked_at.toLocaleString("en")} would have been{" "}
        {plural(tried.group_count, "incident")}; they are in {tried.incidents} now.
      </p>
      {tried.cut ? <p className="text-muted">Only the latest {tried.looked_at.toLocaleString("en")} were looked at.</p> : null}
      {tried.failures ? <p className="text-critical">{plural(tried.failures, "alert")} could not be judged.</p> : null}
      <ul className="mt-2 divide-y divide-line">
        {tried.groups.map((group) => (
          <li key={group.group + group.first_at} className="py-1.5">
            <div className="flex flex-wrap gap-x-3">
              <span className="font-medium">{group.group || "All of them"}</span>
              <span className="text-muted">
                {plural(group.alerts, "alert")} on {plural(group.clusters.length, "cluster")}, from {stamp(group.first_at)}
              </span>
            </div>
            <p className="font-mono text-meta break-words text-muted">
              {[...new Set(group.examples.map(({ name }) => name))].join(", ")} · now in {group.incident_keys.join(", ")}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
