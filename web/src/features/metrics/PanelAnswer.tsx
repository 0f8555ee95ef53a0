import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { type RangeAnswer, instantQuery, rangeQuery } from "../../api/queries";
import type { ClusterOutcome } from "../../api/types";
import { plural, selector } from "../../lib/format";
import { isMoving, resolveOrDefault } from "../../lib/time";
import { useLive, useRange, useZoom } from "../../shell/store";
import { Chart, type ChartData } from "../../ui/Chart";
import { Empty, QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { align, stepsOf } from "../fleet/series";
import { ChangeList, useChangeMarks } from "./ChangeMarks";
import { Completeness } from "./Completeness";
import { DRAWN, SeriesTable } from "./SeriesTable";
import { ValueTable } from "./ValueTable";
import { UnusualList } from "./UnusualList";
import { type PanelState, legendOf, shownUnit } from "./panels";
import { marked, useUnusual } from "./unusual";

interface Props {
  panel: PanelState;
  clusterIds: string[] | undefined;
  height: number;
  /** How many panels ask beside it: many of them ask less often. */
  beside: number;
  /** Told where the hub stopped understanding, or null where it understood. */
  onFault?: (position: number | null) => void;
}

/** What the fleet answers to a panel's query: lines or a table, and which clusters it lacks. */
export function PanelAnswer(props: Props) {
  return props.panel.view === "table" ? <Table {...props} /> : <Lines {...props} />;
}

/** Who looks on waits so long for the slowest cluster, unless they choose to wait longer; what is missing is said. */
const PATIENCE_S = 6;
const LONG_PATIENCE_S = 60;

function usePatience(): [seconds: number, onWait: (() => void) | undefined] {
  const [seconds, setSeconds] = useState(PATIENCE_S);
  return [seconds, seconds === PATIENCE_S ? () => setSeconds(LONG_PATIENCE_S) : undefined];
}

/** Tells the editor, once an answer or a refusal has come. */
function useFaults({ panel, onFault }: Props, error: unknown): void {
  const fault = faultOf(error, panel.q);
  const tell = useRef(onFault);
  tell.current = onFault;
  useEffect(() => tell.current?.(fault), [fault, panel.q]);
}

function useAsk({ panel, clusterIds, beside }: Props, patienceS: number) {
  const [range] = useRange();
  const { paused } = useLive();
  const everyMs = beside > 4 ? 30_000 : beside > 1 ? 15_000 : 5000;
  return { query: panel.q, range, clusterIds, live: !paused && isMoving(range), everyMs, patienceS };
}

/** Where in the query the hub stopped understanding, when it says so. */
function faultOf(error: unknown, query: string): number | null {
  const position = error instanceof ApiError ? error.details?.position : undefined;
  return typeof position === "number" && position >= 1 && position <= query.length + 1 ? position : null;
}

function Position({ query, error }: { query: string; error: unknown }) {
  const position = faultOf(error, query);
  if (position === null) return null;
  const [line = "", before] = lineAt(query, position - 1);
  return (
    <pre className="overflow-x-auto rounded border border-line px-3 py-2 font-mono text-meta">
      {line}
      {"\n"}
      <span className="text-critical">{`${" ".repeat(before)}^ position ${position}`}</span>
    </pre>
  );
}

/** The line of a text that holds a place, and how far into it that is. */
function lineAt(text: string, place: number): [line: string, before: number] {
  const start = text.lastIndexOf("\n", place - 1) + 1;
  const end = text.indexOf("\n", place);
  return [text.slice(start, end < 0 ? undefined : end), place - start];
}

function Lines(props: Props) {
  const [patience, onWait] = usePatience();
  const answer = useQuery(rangeQuery(useAsk(props, patience)));
  useFaults(props, answer.error);
  return (
    <div className="space-y-2">
      <Position query={props.panel.q} error={answer.error} />
      <QueryFailure what="The query" query={answer} />
      {answer.isPending ? <SkeletonBlock height={props.height} /> : null}
      {answer.data && !faultOf(answer.error, props.panel.q) ? (
        <Drawn {...props} answer={answer.data} updatedAt={answer.dataUpdatedAt} onWait={onWait} />
      ) : null}
    </div>
  );
}

interface DrawnProps extends Props {
  answer: RangeAnswer;
  updatedAt: number;
  onWait: (() => void) | undefined;
}

function Drawn({ panel, clusterIds, height, answer, updatedAt, onWait }: DrawnProps) {
  const [range] = useRange();
  const zoom = useZoom();
  const [forward, setForward] = useState<number | null>(null);
  const [only, setOnly] = useState<string | null>(null);
  const drawn = useMemo(() => answer.series.slice(0, DRAWN), [answer]);
  const alone = drawn.findIndex(({ metric }) => selector(metric) === only);
  const data = useMemo<ChartData>(() => {
    const lines = drawn.map((one, at) => ({ at, one })).filter(({ at }) => alone < 0 || at === alone);
    const times = stepsOf(drawn, answer.step);
    return {
      times,
      lines: lines.map(({ at, one }) => ({
        label: legendOf(panel.legend, one.metric),
        values: align(times, one),
        at: drawn.length > 1 ? at : undefined,
      })),
    };
  }, [answer, drawn, alone, panel.legend]);
  const unusual = useUnusual(panel.q, clusterIds);
  const single = drawn.length === 1 ? drawn[0] : drawn[alone];
  const shown = unusual && single ? marked(data, single, unusual, Date.now() / 1000) : data;
  const marks = useChangeMarks(clusterIds);
  const unit = shownUnit(panel);
  const summary = `${plural(answer.series.length, "series", "series")}, a point every ${answer.step} s`;
  const more = answer.series.length > DRAWN ? `; the first ${DRAWN} are drawn` : "";
  return (
    <>
      <Completeness outcomes={answer.clusters} updatedAt={updatedAt} onWait={onWait} />
      {answer.series.length ? (
        <>
          <Chart
            data={shown}
            unit={unit}
            span={resolveOrDefault(range, Date.now())}
            summary={summary}
            height={height}
            onZoom={zoom}
            forward={alone < 0 ? forward : null}
            onForward={setForward}
            rules={marks.rules}
            syncKey="explorer"
          />
          <p className="text-meta text-muted">
            {summary}
            {more}
            {alone < 0 ? "" : "; one of them alone"}
          </p>
          <ChangeList marks={marks} />
          <SeriesTable
            answer={answer}
            unit={unit}
            legend={panel.legend}
            forward={forward}
            alone={alone < 0 ? null : alone}
            onForward={setForward}
            onAlone={(at) => setOnly(at === null ? null : selector(drawn[at]?.metric ?? {}))}
          />
          {unusual ? <UnusualList unusual={unusual} /> : null}
        </>
      ) : (
        <Nothing outcomes={answer.clusters} />
      )}
    </>
  );
}

function Table(props: Props) {
  const [patience, onWait] = usePatience();
  const answer = useQuery(instantQuery(useAsk(props, patience)));
  useFaults(props, answer.error);
  return (
    <div className="space-y-2">
      <Position query={props.panel.q} error={answer.error} />
      <QueryFailure what="The query" query={answer} />
      {answer.isPending ? <SkeletonBlock height={props.height} /> : null}
      {answer.data && !faultOf(answer.error, props.panel.q) ? (
        <>
          <Completeness outcomes={answer.data.clusters} updatedAt={answer.dataUpdatedAt} onWait={onWait} />
          {answer.data.series.length ? (
            <ValueTable series={answer.data.series} unit={shownUnit(props.panel)} />
          ) : (
            <Nothing outcomes={answer.data.clusters} />
          )}
        </>
      ) : null}
    </div>
  );
}

function Nothing({ outcomes }: { outcomes: ClusterOutcome[] }) {
  return (
    <Empty title="No series match">
      {outcomes.some(({ status }) => status === "SUCCESS")
        ? "The clusters that answered hold nothing for this query in this range. Widen the range or check the name."
        : "No cluster answered, so nothing is known."}
    </Empty>
  );
}
