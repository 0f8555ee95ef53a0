import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { clusters } from "../../api/queries";
import { type LogsAnswer, MOST_LINES, logs } from "../../api/signals";
import { plural } from "../../lib/format";
import { isMoving } from "../../lib/time";
import type { LogsSearch } from "../../router/search";
import { useLive, useRange } from "../../shell/store";
import { Empty, QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { ClusterPicker } from "../metrics/ClusterPicker";
import { Completeness } from "../metrics/Completeness";
import { Metric, Numbers, Volume } from "./Beside";
import { LiveTail } from "./LiveTail";
import { LogLines } from "./LogLines";
import { QueryField } from "./QueryField";
import { givesLines, narrowed } from "./logql";

const EXAMPLES = ['{service_name=~".+"} |= "error"', '{namespace="shop"} | json | status >= 500', 'sum by (cluster) (rate({service_name=~".+"} [5m]))'];

export function LogsPage() {
  const search: LogsSearch = useSearch({ from: "/shell/logs" });
  const navigate = useNavigate({ from: "/logs" });
  const fleet = useQuery(clusters);
  const [typed, setTyped] = useState(search.q ?? "");
  const [metric, setMetric] = useState(search.metric ?? "");
  useEffect(() => setTyped(search.q ?? ""), [search.q]);
  useEffect(() => setMetric(search.metric ?? ""), [search.metric]);
  const ask = (change: Partial<LogsSearch>) => void navigate({ search: (old) => ({ ...old, ...change }) });
  const run = () => ask({ q: typed.trim() || undefined, metric: metric.trim() || undefined });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    run();
  };
  const tails = Boolean(search.tail && search.q && givesLines(search.q));
  return (
    <Page>
      <PageHead title="Logs">
        <button type="button" className="button" aria-pressed={Boolean(search.wrap)} onClick={() => ask({ wrap: search.wrap ? undefined : true })}>
          Wrap lines
        </button>
        <button
          type="button"
          className="button"
          aria-pressed={tails}
          disabled={!search.q || !givesLines(search.q)}
          onClick={() => ask({ tail: search.tail ? undefined : true })}
        >
          Live tail
        </button>
      </PageHead>
      <form onSubmit={submit} className="mb-3 flex flex-wrap gap-2">
        <QueryField value={typed} onChange={setTyped} onRun={run} clusterIds={search.clusters} />
        <ClusterPicker
          clusters={fleet.data ?? []}
          chosen={search.clusters ?? []}
          onChange={(chosen) => ask({ clusters: chosen.length ? chosen : undefined })}
        />
        <button type="submit" className="button button-primary">
          Run
        </button>
        <input
          className="field font-mono"
          aria-label="A metric beside, in PromQL"
          placeholder="A metric beside, in PromQL"
          spellCheck={false}
          value={metric}
          onChange={(event) => setMetric(event.target.value)}
        />
      </form>
      {search.q ? <Asked search={search} ask={ask} tails={tails} /> : <Examples onChoose={(q) => ask({ q })} />}
    </Page>
  );
}

function Examples({ onChoose }: { onChoose: (query: string) => void }) {
  return (
    <div className="panel">
      <Empty title="Ask the logs of all clusters">
        <ul className="mt-2 space-y-1">
          {EXAMPLES.map((example) => (
            <li key={example}>
              <button type="button" className="link font-mono" onClick={() => onChoose(example)}>
                {example}
              </button>
            </li>
          ))}
        </ul>
      </Empty>
    </div>
  );
}

interface AskedProps {
  search: LogsSearch;
  ask: (change: Partial<LogsSearch>) => void;
  tails: boolean;
}

function Asked({ search, ask, tails }: AskedProps) {
  const query = search.q ?? "";
  const [range] = useRange();
  const { paused } = useLive();
  const live = !paused && !tails && isMoving(range);
  const answer = useQuery({ ...logs({ query, range, clusterIds: search.clusters, live }), ...(tails ? { enabled: false } : {}) });
  const filter = (name: string, value: string, how: "=" | "!=", ofStream: boolean) =>
    ask({ q: narrowed(query, name, value, how, ofStream) });
  return (
    <div className="space-y-3">
      {search.metric ? <Metric query={search.metric} clusterIds={search.clusters} /> : null}
      {tails ? (
        <LiveTail query={query} clusterIds={search.clusters} wrap={Boolean(search.wrap)} onFilter={filter} />
      ) : (
        <>
          <QueryFailure what="The query" query={answer} />
          {answer.isPending ? <SkeletonBlock height={320} /> : null}
          {answer.data ? <Answer answer={answer.data} updatedAt={answer.dataUpdatedAt} search={search} onFilter={filter} /> : null}
        </>
      )}
    </div>
  );
}

interface AnswerProps {
  answer: LogsAnswer;
  updatedAt: number;
  search: LogsSearch;
  onFilter: (name: string, value: string, how: "=" | "!=", ofStream: boolean) => void;
}

function Answer({ answer, updatedAt, search, onFilter }: AnswerProps) {
  const [, setRange] = useRange();
  const oldest = answer.lines.at(-1)?.timestamp;
  const older = () => {
    const end = oldest ? Date.parse(oldest) : 0;
    setRange({ from: new Date(end - (answer.end - answer.start) * 1000).toISOString(), to: new Date(end + 1).toISOString() });
  };
  return (
    <>
      <Completeness outcomes={answer.clusters} updatedAt={updatedAt} />
      {answer.without.length ? (
        <p className="text-meta text-muted">
          {plural(answer.without.length, "cluster")} without a Loki: {answer.without.slice(0, 6).join(", ")}
          {answer.without.length > 6 ? ", …" : ""}
        </p>
      ) : null}
      {answer.notes.map((note) => (
        <p key={note} role="status" className="text-high">
          {note}
        </p>
      ))}
      {answer.of_lines ? (
        <>
          <Volume query={search.q ?? ""} answer={answer} clusterIds={search.clusters} />
          {answer.lines.length ? <LogLines lines={answer.lines} wrap={Boolean(search.wrap)} onFilter={onFilter} /> : <Nothing answer={answer} />}
          {answer.more ? (
            <p className="text-muted">
              The newest {answer.lines.length} of {MOST_LINES} at most are shown.{" "}
              <button type="button" className="link" onClick={older}>
                Show older lines
              </button>
            </p>
          ) : null}
        </>
      ) : answer.series.length ? (
        <Numbers title={search.q ?? ""} series={answer.series} step={answer.step} span={{ start: answer.start, end: answer.end }} height={280} />
      ) : (
        <Nothing answer={answer} />
      )}
    </>
  );
}

function Nothing({ answer }: { answer: LogsAnswer }) {
  const answered = answer.clusters.some(({ status }) => status === "SUCCESS");
  const why = answered
    ? "The clusters that answered hold nothing for this query in this range. Widen the range or check the labels."
    : answer.clusters.length
      ? "No cluster answered, so nothing is known."
      : "None of these clusters has a Loki: give a cluster the address of its Loki first.";
  return (
    <div className="panel">
      <Empty title="Nothing matches">{why}</Empty>
    </div>
  );
}
