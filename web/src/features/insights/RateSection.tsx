import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Stretch, explained } from "../../api/insight";
import { type RangeAnswer, rangeQuery } from "../../api/queries";
import { formatValue, plural, subject } from "../../lib/format";
import { absolute, clock, isMoving, resolveOrDefault } from "../../lib/time";
import { useLive, useRange, useZoom } from "../../shell/store";
import { Chart, type ChartData } from "../../ui/Chart";
import { Empty, QueryFailure, Skeleton, SkeletonBlock } from "../../ui/feedback";
import { align, stepsOf } from "../fleet/series";

const DRAWN = 10;

interface Props {
  names: Map<string, string>;
  cluster: string | undefined;
  /** The marked stretch, as `start-end` in Unix seconds. */
  mark: string | undefined;
  onMark: (mark: string | undefined) => void;
}

/** The share of watched series that are out of the ordinary; a stretch that is marked on it is explained below. */
export function RateSection({ names, cluster, mark, onMark }: Props) {
  const [range] = useRange();
  const { paused } = useLive();
  const live = !paused && isMoving(range);
  const ask = { query: "aiops:anomaly_rate", range, clusterIds: cluster ? [cluster] : undefined, live, everyMs: 15_000 };
  const answer = useQuery(rangeQuery(ask));
  const data = answer.data ? rates(answer.data) : null;
  const stretch = readMark(mark);
  return (
    <section aria-label="Anomaly rate">
      <h2 className="mb-1 flex flex-wrap items-baseline gap-2 font-semibold">
        Anomaly rate
        <span className="text-meta font-normal text-muted">
          share of the watched series that are out of their band, past a limit or silent; drag over a stretch to see which
        </span>
      </h2>
      <QueryFailure what="Reading the anomaly rate" query={answer} />
      <div className="panel p-2">
        {answer.isPending ? <SkeletonBlock height={180} /> : null}
        {data?.lines.length ? (
          <Chart
            data={data}
            unit="ratio"
            span={resolveOrDefault(range, Date.now())}
            summary={summary(data)}
            height={180}
            onZoom={({ start, end }) => onMark(`${Math.floor(start)}-${Math.ceil(end)}`)}
            rules={stretch ? [{ at: stretch.start, word: "from" }, { at: stretch.end, word: "to" }] : []}
          />
        ) : answer.data ? (
          <Empty title="No rate in this range">
            It is kept from the first evaluation on, once a series has been learned.
          </Empty>
        ) : null}
      </div>
      {stretch ? <Explanation names={names} cluster={cluster} stretch={stretch} onClose={() => onMark(undefined)} /> : null}
    </section>
  );
}

function rates(answer: RangeAnswer): ChartData {
  const series = answer.series.slice(0, DRAWN);
  const times = stepsOf(series, answer.step);
  return { times, lines: series.map((one) => ({ label: one.metric.cluster ?? "", values: align(times, one) })) };
}

function summary({ lines }: ChartData): string {
  const now = lines.map(({ label, values }) => `${label} ${formatValue(values.findLast((value) => value !== null), "ratio")}`);
  return `Anomaly rate now: ${now.join(", ")}`;
}

export function readMark(mark: string | undefined): Stretch | null {
  const [, start, end] = /^(\d+)-(\d+)$/.exec(mark ?? "") ?? [];
  if (start === undefined || end === undefined || Number(end) <= Number(start)) return null;
  return { start: Number(start), end: Math.max(Number(end), Number(start) + 60) };
}

interface ExplanationProps {
  names: Map<string, string>;
  cluster: string | undefined;
  stretch: Stretch;
  onClose: () => void;
}

function Explanation({ names, cluster, stretch, onClose }: ExplanationProps) {
  const zoom = useZoom();
  const [chosen, setChosen] = useState<string | undefined>();
  const of = cluster ?? chosen ?? [...names.keys()][0];
  const answer = useQuery({ ...explained(of ?? "", stretch), enabled: of !== undefined });
  return (
    <div className="panel mt-2 p-3" aria-label="What explains it" role="region">
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <h3 className="font-semibold">
          {clock(new Date(stretch.start * 1000))} – {clock(new Date(stretch.end * 1000))}
        </h3>
        {cluster ? null : (
          <select aria-label="Cluster" className="field w-auto" value={of} onChange={(event) => setChosen(event.target.value)}>
            {[...names].map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
        <button type="button" className="button ml-auto h-7" onClick={() => zoom(stretch)}>
          Zoom to it
        </button>
        <button type="button" className="button h-7" onClick={onClose}>
          Close
        </button>
      </div>
      <QueryFailure what="Explaining it" query={answer} />
      {answer.isPending && of ? <Skeleton rows={4} /> : null}
      {answer.data?.items.length === 0 ? (
        <p className="text-muted">
          {answer.data.series
            ? `Of ${plural(answer.data.series, "series", "series")}, none was out of its band more than in as long a time before.`
            : "No series of this cluster had a learned band then."}
        </p>
      ) : null}
      {answer.data?.items.length ? (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Series</th>
              <th scope="col" className="text-right">
                Out of its band
              </th>
              <th scope="col" className="text-right">
                Before
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.data.items.map((one) => (
              <tr key={one.query}>
                <td>
                  <Link
                    to="/metrics-explorer"
                    search={{ q: one.query, clusters: [answer.data.cluster_id], ...absolute(stretch) }}
                    className="link"
                  >
                    {one.title} <span className="font-mono">{subject(one.labels)}</span>
                  </Link>
                </td>
                <td className="text-right">{formatValue(one.share, "ratio")}</td>
                <td className="text-right text-muted">{formatValue(one.share_before, "ratio")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </div>
  );
}
