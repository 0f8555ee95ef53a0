import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type ReplayResult, replay } from "../../api/replays";
import { plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { SearchField } from "../../ui/filters";
import { Page, PageHead } from "../../ui/page";
import { ReplayIncident } from "./ReplayIncident";
import { Standing, spanOf } from "./Standing";

const FIRST = 50;

export function ReplayPage() {
  const { replayId } = useParams({ from: "/shell/replays/$replayId" });
  const found = useQuery(replay(replayId));
  const run = found.data?.replay;
  return (
    <Page>
      <PageHead title={run?.summary ?? "Replay"} note={run ? spanOf(run) : null}>
        {found.data?.result ? (
          <a className="button" href={`/api/v1/replays/${replayId}/report`} download>
            Report to share
          </a>
        ) : null}
      </PageHead>
      <QueryFailure what="Reading the replay" query={found} />
      {found.isPending ? <Skeleton rows={8} /> : null}
      {run?.error ? <Failure what="The replay" error={new Error(run.error)} /> : null}
      {run && !run.ended_at ? (
        <div className="panel p-4">
          <Standing run={run} />
          <p className="mt-2 text-muted">You may leave this page: the replay goes on.</p>
        </div>
      ) : null}
      {found.data?.result ? <Result result={found.data.result} /> : null}
    </Page>
  );
}

function Result({ result }: { result: ReplayResult }) {
  const [wanted, setWanted] = useState<string>();
  const [shown, setShown] = useState(FIRST);
  const names = useMemo(() => new Map(result.clusters.map(({ id, name }) => [id, name])), [result]);
  const items = useMemo(() => {
    const word = (wanted ?? "").toLowerCase();
    const text = (one: ReplayResult["incidents"][number]) =>
      [one.title, one.severity, ...one.clusters.map((id) => names.get(id) ?? "")].join(" ").toLowerCase();
    return result.incidents.filter((one) => text(one).includes(word));
  }, [result, wanted, names]);
  const problems = (result.clusters ?? []).flatMap(({ name, problems }) => (problems ?? []).map((one) => `${name}: ${one}`));
  return (
    <div className="space-y-4">
      {problems.length ? (
        <details className="panel border-medium px-3 py-2">
          <summary>Not all of the past could be read: {plural(problems.length, "problem")}</summary>
          <ul className="mt-1 list-disc pl-5 text-muted">
            {problems.slice(0, 50).map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </details>
      ) : null}
      <section aria-label="Incidents" className="space-y-2">
        <div className="flex flex-wrap items-center gap-2">
          <h2 className="font-semibold">Incidents, the worst first</h2>
          <span className="text-muted">
            {plural(result.anomalies, "anomaly", "anomalies")} in watched series; {plural(result.quiet, "episode")} of a
            lone series without an alert would have told nobody
          </span>
          <span className="ml-auto">
            <SearchField label="Search incidents" value={wanted} onChange={setWanted} />
          </span>
        </div>
        {items.slice(0, shown).map((one) => (
          <ReplayIncident key={one.number} incident={one} names={names} />
        ))}
        {items.length > shown ? (
          <button type="button" className="button" onClick={() => setShown(shown + FIRST)}>
            Show {Math.min(FIRST, items.length - shown)} more of {items.length}
          </button>
        ) : null}
        {items.length ? null : (
          <Empty title={result.incidents.length ? "None is called that" : "No incident in this time"}>
            {result.alerts ? null : "No alert fired: does this Prometheus evaluate the alerting rules?"}
          </Empty>
        )}
      </section>
      <div className="grid gap-4 xl:grid-cols-2">
        <Noisy result={result} />
        <LookedAt result={result} />
      </div>
    </div>
  );
}

function Noisy({ result }: { result: ReplayResult }) {
  return (
    <section aria-label="Alerts that fired most">
      <h2 className="mb-1 font-semibold">Alerts that fired most</h2>
      <div className="panel overflow-x-auto">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Alert</th>
              <th scope="col">Fired</th>
              <th scope="col">In incidents</th>
              <th scope="col">Median length</th>
            </tr>
          </thead>
          <tbody>
            {result.noisy.map((one) => (
              <tr key={one.name}>
                <td className="font-mono">{one.name}</td>
                <td>{one.episodes.toLocaleString()}</td>
                <td>{one.incidents}</td>
                <td>{formatDuration(one.median_s)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function LookedAt({ result }: { result: ReplayResult }) {
  return (
    <section aria-label="What was looked at">
      <h2 className="mb-1 font-semibold">What was looked at</h2>
      <div className="panel overflow-x-auto">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Cluster</th>
              <th scope="col">Alerts</th>
              <th scope="col">Watched series</th>
              <th scope="col">Anomalies</th>
            </tr>
          </thead>
          <tbody>
            {result.clusters.map((one) => (
              <tr key={one.id}>
                <td className="font-mono">{one.name}</td>
                <td>{(one.alerts ?? 0).toLocaleString()}</td>
                <td>{(one.series ?? 0).toLocaleString()}</td>
                <td>{(one.anomalies ?? 0).toLocaleString()}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
