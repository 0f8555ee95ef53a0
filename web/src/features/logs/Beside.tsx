import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { rangeQuery } from "../../api/queries";
import { type LogsAnswer, logs } from "../../api/signals";
import type { RangeSeries } from "../../api/types";
import { plural, selector } from "../../lib/format";
import { type Span, resolveOrDefault, stepFor } from "../../lib/time";
import { useRange, useZoom } from "../../shell/store";
import { Chart, type ChartData } from "../../ui/Chart";
import { QueryFailure } from "../../ui/feedback";
import { align, stepsOf } from "../fleet/series";
import { Completeness } from "../metrics/Completeness";
import { volumeOf } from "./logql";

const DRAWN = 12;
const BARS = 60;
/** All charts of the page move under one cursor. */
const TOGETHER = "logs";

export function dataOf(series: RangeSeries[], step: number): ChartData {
  const drawn = series.slice(0, DRAWN);
  const times = stepsOf(drawn, step);
  return { times, lines: drawn.map((one) => ({ label: selector(one.metric), values: align(times, one) })) };
}

interface NumbersProps {
  title: string;
  series: RangeSeries[];
  step: number;
  span: Span;
  height?: number;
}

export function Numbers({ title, series, step, span, height = 110 }: NumbersProps) {
  const zoom = useZoom();
  const data = useMemo(() => dataOf(series, step), [series, step]);
  const summary = `${title}: ${plural(series.length, "series", "series")}, a point every ${step} s`;
  if (!series.length) return null;
  return (
    <div className="panel p-2">
      <Chart data={data} unit="" span={span} summary={summary} height={height} onZoom={zoom} syncKey={TOGETHER} />
      <p className="px-1 text-meta text-muted">
        {summary}
        {series.length > DRAWN ? `; the first ${DRAWN} are drawn` : ""}
      </p>
    </div>
  );
}

/** How many lines of each level, over the time that is shown. */
export function Volume({ query, answer, clusterIds }: { query: string; answer: LogsAnswer; clusterIds?: string[] }) {
  const [range] = useRange();
  const span = { start: answer.start, end: answer.end };
  const volume = useQuery(logs({ query: volumeOf(query, stepFor(span, BARS)), range, clusterIds }, BARS));
  if (!volume.data) return null;
  return <Numbers title="Lines by level" series={volume.data.series} step={volume.data.step} span={span} />;
}

/** A metric beside the logs, on the same time axis. */
export function Metric({ query, clusterIds }: { query: string; clusterIds?: string[] }) {
  const [range] = useRange();
  const answer = useQuery(rangeQuery({ query, range, clusterIds }));
  return (
    <>
      <QueryFailure what="The metric" query={answer} />
      {answer.data ? (
        <>
          <Completeness outcomes={answer.data.clusters} updatedAt={answer.dataUpdatedAt} />
          <Numbers title={query} series={answer.data.series} step={answer.data.step} span={resolveOrDefault(range, Date.now())} height={160} />
        </>
      ) : null}
    </>
  );
}
