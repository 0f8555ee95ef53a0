import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type KpiBy, type KpiReport, type Kpis, kpis } from "../../api/overview";
import { plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { Causes } from "./Causes";
import { DayBars } from "./DayBars";
import { change, percent } from "./words";

const GROUPS: [by: KpiBy, word: string][] = [
  ["CLUSTER", "cluster"],
  ["TEAM", "team"],
  ["SERVICE", "service"],
];

export function ExecutivePage() {
  const { days = 7, by = "CLUSTER" } = useSearch({ from: "/shell/executive" });
  const navigate = useNavigate({ from: "/executive" });
  const report = useQuery(kpis(days, by));
  const set = (part: { days?: number; by?: KpiBy }) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  return (
    <Page>
      <PageHead title="Executive dashboard" note={`The last ${days} days, beside the ${days} before`}>
        {[7, 30].map((one) => (
          <button key={one} type="button" className={days === one ? "button button-primary" : "button"} aria-pressed={days === one} onClick={() => set({ days: one })}>
            {one} days
          </button>
        ))}
        <button type="button" className="button" onClick={() => window.print()}>
          Print
        </button>
      </PageHead>
      <QueryFailure what="Reading the figures" query={report} />
      {report.isPending ? <Skeleton rows={8} /> : null}
      {report.data ? (
        <div className="space-y-4">
          <Figures report={report.data} />
          <section aria-label="By day">
            <h2 className="mb-1 font-semibold">Incidents by day</h2>
            <div className="panel p-3">
              <DayBars report={report.data} />
            </div>
          </section>
          <section aria-label="By group">
            <div className="mb-1 flex flex-wrap items-center gap-2">
              <h2 className="font-semibold">By</h2>
              {GROUPS.map(([one, word]) => (
                <button key={one} type="button" className={`button h-7 ${by === one ? "button-primary" : ""}`} aria-pressed={by === one} onClick={() => set({ by: one })}>
                  {word}
                </button>
              ))}
            </div>
            <Rows report={report.data} />
          </section>
          <Causes />
          <Meanings />
        </div>
      ) : null}
    </Page>
  );
}

const long = (seconds: number | null | undefined): string =>
  seconds === null || seconds === undefined ? "unknown" : formatDuration(seconds);

function Figures({ report }: { report: KpiReport }) {
  const { total, before } = report;
  return (
    <dl className="grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-6">
      <Figure name="Incidents" value={total.incidents.toLocaleString("en")} note={`${total.critical} critical, ${total.open} open`} than={change(total.incidents, before.incidents)} />
      <Figure name="MTTA" value={long(total.mtta_s)} note={`of ${plural(total.acknowledged, "incident")}`} than={change(total.mtta_s, before.mtta_s)} />
      <Figure name="MTTR" value={long(total.mttr_s)} note={`of ${plural(total.resolved, "incident")}`} than={change(total.mttr_s, before.mttr_s)} />
      <Figure name="MTBF" value={long(total.mtbf_s)} note="between incidents" than={change(total.mtbf_s, before.mtbf_s)} />
      <Figure name="Noise reduction" value={percent(report.noise_reduction)} note={`${total.alerts.toLocaleString("en")} alerts → ${plural(total.incidents, "incident")}`} than={change(report.noise_reduction, report.before_noise_reduction)} />
      <Figure name="Uptime" value={percent(total.uptime, 2)} note={total.uptime_known_s ? "of the time that probes tell of" : "no probe tells yet"} than={change(total.uptime, before.uptime)} />
    </dl>
  );
}

function Figure({ name, value, note, than }: { name: string; value: string; note: string; than: string }) {
  return (
    <div className="panel p-3">
      <dt className="text-muted">{name}</dt>
      <dd>
        <span className="block text-[20px] font-semibold tabular-nums">{value}</span>
        <span className="block text-meta text-muted">{note}</span>
        <span className="block text-meta text-muted">{than}</span>
      </dd>
    </div>
  );
}

const COLUMNS: [word: string, of: (one: Kpis) => string][] = [
  ["Incidents", (one) => one.incidents.toLocaleString("en")],
  ["Critical", (one) => String(one.critical)],
  ["Alerts", (one) => one.alerts.toLocaleString("en")],
  ["MTTA", (one) => (one.acknowledged ? long(one.mtta_s) : "–")],
  ["MTTR", (one) => (one.resolved ? long(one.mttr_s) : "–")],
  ["MTBF", (one) => (one.incidents ? long(one.mtbf_s) : "–")],
  ["Without an incident", (one) => percent(one.clear, 1)],
];

function Rows({ report }: { report: KpiReport }) {
  if (!report.rows.length) return <Empty title="No incident in this time">Its figures come here by cluster, team and service.</Empty>;
  const columns = report.by === "CLUSTER" ? [...COLUMNS, ["Uptime", (one: Kpis) => percent(one.uptime, 2)] as const] : COLUMNS;
  return (
    <div className="panel overflow-x-auto">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{report.by === "CLUSTER" ? "Cluster" : report.by === "TEAM" ? "Team" : "Service"}</th>
            {columns.map(([word]) => (
              <th key={word} scope="col" className="text-right">
                {word}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {report.rows.map((row) => (
            <tr key={row.key ?? "none"}>
              <td className="font-mono">{row.name}</td>
              {columns.map(([word, of]) => (
                <td key={word} className="text-right tabular-nums">
                  {of(row.kpis)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Meanings() {
  return (
    <details className="text-muted">
      <summary>What these figures are made of</summary>
      <ul className="mt-1 list-disc space-y-0.5 pl-5">
        <li>Incidents that were detected within the time; false positives are left out of all but their own count.</li>
        <li>MTTA: mean time from detection to acknowledgement, of those that were acknowledged.</li>
        <li>MTTR: mean time from detection to resolution, of those that are resolved.</li>
        <li>MTBF: the time in which no incident was open, by the number of incidents.</li>
        <li>Noise reduction: the share of alerts that was no item of its own.</li>
        <li>Uptime: the share of the time known to probes in which clusters were not offline.</li>
      </ul>
    </details>
  );
}
