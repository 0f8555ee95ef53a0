import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Backtest } from "../../api/insight";
import type { Severity } from "../../api/types";
import { plural, sentence, subject, subjectKey } from "../../lib/format";
import { formatDuration, stamp } from "../../lib/time";
import { Chart, type ChartData } from "../../ui/Chart";
import { Empty } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";

/** What a backtest told: how often, of what, and which incidents it would have missed. */
export function BacktestResult({ told }: { told: Backtest }) {
  if (told.series === 0)
    return <Empty title="The cluster holds nothing for this query">No series came back in this time.</Empty>;
  const stated = told.stated_per_series_week;
  return (
    <div className="space-y-3">
      <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-4">
        <Fact name="Findings" value={String(told.findings_total)} more={`${told.per_week.toFixed(1)} a week`} />
        <Fact
          name="A series and week"
          value={told.per_series_week.toFixed(2)}
          more={stated === null ? "" : `at most ${stated} where nothing is wrong`}
        />
        <Fact name="Beside any incident" value={String(told.beside_incidents)} more={`of ${told.findings_total}`} />
        <Fact name="Incidents missed" value={String(told.missed)} more={`of ${told.incidents.length}`} />
      </dl>
      <p className="text-meta text-muted">
        {plural(told.series, "series", "series")}
        {told.left_out ? `, ${told.left_out} more left out` : ""}; a value every {formatDuration(told.step_s)}
        {told.never_learned ? `; ${told.never_learned} with too short a past for a band` : ""}
      </p>
      {told.charts.map((one) => (
        <figure key={subjectKey(one.labels)}>
          <figcaption className="font-mono text-meta">{subject(one.labels) || told.watch.title}</figcaption>
          <Chart
            data={chartOf(one, told)}
            unit={told.watch.unit}
            span={{ start: Date.parse(told.start) / 1000, end: Date.parse(told.end) / 1000 }}
            summary={`${subject(one.labels)}: ${plural(findingsOf(one, told).length, "finding")}`}
            height={140}
            syncKey="backtest"
          />
        </figure>
      ))}
      <Findings told={told} />
      <Incidents told={told} />
    </div>
  );
}

function Fact({ name, value, more }: { name: string; value: string; more: string }) {
  return (
    <div>
      <dt className="text-meta text-muted">{name}</dt>
      <dd>
        <span className="text-title font-semibold">{value}</span> <span className="text-meta text-muted">{more}</span>
      </dd>
    </div>
  );
}

type Charted = Backtest["charts"][number];
type Finding = Backtest["findings"][number];

function findingsOf(one: Charted, told: Backtest): Finding[] {
  return told.findings.filter(({ labels }) => subjectKey(labels) === subjectKey(one.labels));
}

function chartOf(one: Charted, told: Backtest): ChartData {
  const spans = findingsOf(one, told).map(({ started_at, ended_at }) => [
    Date.parse(started_at) / 1000,
    Date.parse(ended_at ?? told.end) / 1000,
  ]);
  const anomalous = one.times.map((time) => spans.some(([from = 0, to = 0]) => time >= from && time <= to));
  const known = one.upper.some((edge) => edge !== null);
  return {
    times: one.times,
    lines: [{ label: "measured", values: one.values }],
    band: known ? { lower: one.lower, upper: one.upper } : undefined,
    anomalous: anomalous.some(Boolean) ? anomalous : undefined,
  };
}

const SHOWN = 20;

function Findings({ told }: { told: Backtest }) {
  const [all, setAll] = useState(false);
  const shown = all ? told.findings : told.findings.slice(0, SHOWN);
  if (!told.findings.length) return <p className="text-muted">It would have told nothing.</p>;
  return (
    <div>
      <h3 className="mb-1 font-semibold">It would have told</h3>
      <ul className="space-y-1.5">
        {shown.map((one) => (
          <li key={`${one.started_at} ${subjectKey(one.labels)}`}>
            <p className="flex flex-wrap items-center gap-x-3">
              <SeverityMark severity={one.severity as Severity} />
              <span className="whitespace-nowrap text-muted">{stamp(one.detected_at)}</span>
              <span>{sentence(one.kind.replaceAll("_", " "))}</span>
              <span className="font-mono">{one.subject}</span>
              <span className="ml-auto text-muted">{lasted(one, told)}</span>
            </p>
            <p className="text-muted">{one.explanation}</p>
          </li>
        ))}
      </ul>
      {told.findings.length > SHOWN ? (
        <button type="button" className="button mt-2 h-7" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show ${told.findings.length - SHOWN} more`}
        </button>
      ) : null}
    </div>
  );
}

function lasted({ started_at, ended_at }: Finding, told: Backtest): string {
  const lasting = formatDuration((Date.parse(ended_at ?? told.end) - Date.parse(started_at)) / 1000);
  return ended_at ? lasting : `${lasting}, and goes on`;
}

function Incidents({ told }: { told: Backtest }) {
  if (!told.incidents.length) return <p className="text-muted">The cluster had no incident in this time.</p>;
  return (
    <div>
      <h3 className="mb-1 font-semibold">Incidents that were</h3>
      <table className="table">
        <tbody>
          {told.incidents.map((one) => (
            <tr key={one.id}>
              <td className="whitespace-nowrap">{stamp(one.detected_at)}</td>
              <td>
                <Link to="/incidents/$incidentId" params={{ incidentId: one.id }} className="link">
                  {one.title}
                </Link>
              </td>
              <td className={one.caught ? "" : "font-medium text-high"}>{outcome(one.lead_s)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function outcome(lead: number | null): string {
  if (lead === null) return "missed";
  return lead >= 0 ? `told ${formatDuration(lead)} before` : `told ${formatDuration(-lead)} after`;
}
