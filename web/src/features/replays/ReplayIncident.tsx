import type { ReplayedIncident } from "../../api/replays";
import { plural } from "../../lib/format";
import { formatDuration, stamp } from "../../lib/time";
import { SeverityMark } from "../../ui/marks";

const MEMBERS = 50;

/** One line of what was, and on demand its ranked causes and what belonged to it, each with the reason. */
export function ReplayIncident({ incident, names }: { incident: ReplayedIncident; names: Map<string, string> }) {
  const lasted = incident.ended_at
    ? formatDuration((Date.parse(incident.ended_at) - Date.parse(incident.opened_at)) / 1000)
    : "still open at the end";
  const where = incident.clusters.map((id) => names.get(id) ?? id);
  const [first] = incident.causes;
  return (
    <details className="panel group px-3 py-2">
      <summary className="grid cursor-pointer gap-x-3 md:grid-cols-[6rem_minmax(0,1fr)_auto]">
        <SeverityMark severity={incident.severity} />
        <span className="min-w-0">
          <span className="block truncate font-medium group-open:whitespace-normal">{incident.title}</span>
          <span className="block truncate text-meta text-muted group-open:whitespace-normal">
            {first && !incident.note ? `First: ${first.title} (${Math.round(first.confidence * 100)} %)` : incident.note}
          </span>
        </span>
        <span className="text-right text-meta text-muted">
          {stamp(incident.opened_at)}, {lasted}
          <br />
          {where.slice(0, 3).join(", ")}
          {where.length > 3 ? ` and ${where.length - 3} more` : ""}: {plural(incident.alerts, "alert")},{" "}
          {plural(incident.anomalies, "anomaly", "anomalies")}
        </span>
      </summary>
      <div className="mt-2 space-y-3 border-t border-line pt-2">
        <Causes incident={incident} />
        <Members incident={incident} names={names} />
      </div>
    </details>
  );
}

function Causes({ incident }: { incident: ReplayedIncident }) {
  const doubt = incident.note ?? (incident.causes.length ? null : "Inconclusive.");
  return (
    <>
      {doubt ? <p className="text-muted">{doubt}</p> : null}
      <ol className="list-decimal space-y-1 pl-6">
      {incident.causes.map((cause) => (
        <li key={cause.title}>
          {cause.title} <span className="text-muted">{Math.round(cause.confidence * 100)} %; {cause.reasons.join("; ")}</span>
          {cause.evidence.map((evidence) => (
            <code key={evidence.query} className="block font-mono text-meta break-all text-muted">
              {evidence.query}
            </code>
          ))}
        </li>
      ))}
      </ol>
    </>
  );
}

function Members({ incident, names }: { incident: ReplayedIncident; names: Map<string, string> }) {
  const more = incident.alerts + incident.anomalies - Math.min(MEMBERS, incident.members.length);
  return (
    <div className="overflow-x-auto">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col">Severity</th>
            <th scope="col">What</th>
            <th scope="col">Cluster</th>
            <th scope="col">Why here</th>
          </tr>
        </thead>
        <tbody>
          {incident.members.slice(0, MEMBERS).map((one, place) => (
            <tr key={place}>
              <td className="whitespace-nowrap">{stamp(one.at)}</td>
              <td>
                <SeverityMark severity={one.severity} />
              </td>
              <td className="min-w-40">
                {one.name} <span className="text-muted">{one.subject}</span>
              </td>
              <td className="font-mono text-meta">{names.get(one.cluster_id) ?? one.cluster_id}</td>
              <td className="min-w-72 text-muted">{one.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 ? <p className="px-3 py-1 text-muted">and {more} more</p> : null}
    </div>
  );
}
