import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { type LogPattern, pattern, patternFindings, patternLines, patternTimeline } from "../../api/patterns";
import { plural } from "../../lib/format";
import { stamp } from "../../lib/time";
import { Chart } from "../../ui/Chart";
import { Dialog } from "../../ui/dialog";
import { QueryFailure, Skeleton, SkeletonBlock } from "../../ui/feedback";
import { LabelList } from "../../ui/labels";
import { SeverityMark } from "../../ui/marks";
import { Alike } from "./Alike";
import { FindingMark, PatternText, className } from "./parts";

interface Props {
  /** The pattern of the address. */
  wanted: string | undefined;
  listed: LogPattern | undefined;
  onOpen: (patternId: string) => void;
  onClose: () => void;
}

export function PatternDrawer({ wanted, listed, onOpen, onClose }: Props) {
  const single = useQuery({ ...pattern(wanted), enabled: Boolean(wanted) && !listed });
  const one = listed ?? single.data;
  return (
    <Dialog open={Boolean(wanted)} onClose={onClose} title="Log pattern" drawer>
      <QueryFailure what="Reading the pattern" query={single} />
      {one ? <Detail key={one.id} one={one} onOpen={onOpen} /> : null}
      {wanted && !one && !single.isError ? <Skeleton rows={8} /> : null}
    </Dialog>
  );
}

function Detail({ one, onOpen }: { one: LogPattern; onOpen: (patternId: string) => void }) {
  return (
    <div className="space-y-4">
      <p className="rounded border border-line bg-bg p-2 font-mono text-meta break-words">
        <PatternText text={one.pattern} />
      </p>
      <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <SeverityMark severity={one.severity} />
        {one.failure_class ? <span>{className(one.failure_class)}</span> : null}
        <span className="font-mono">{one.cluster}</span>
        <span className="text-muted">{plural(one.count, "line")}</span>
        <span className="text-muted">first {stamp(one.first_seen)}</span>
        <span className="text-muted">last {stamp(one.last_seen)}</span>
      </p>
      {one.findings.map((finding) => (
        <p key={finding.id} className="panel flex items-baseline gap-3 px-3 py-2">
          <FindingMark kind={finding.kind} />
          <span className="min-w-0">{finding.explanation}</span>
        </p>
      ))}
      <Timeline one={one} />
      <Alike patternId={one.id} onOpen={(hit) => onOpen(hit.id)} />
      <Lines one={one} />
      <LabelList title="Labels that all its lines have" labels={one.labels} />
      <Earlier one={one} />
    </div>
  );
}

function Timeline({ one }: { one: LogPattern }) {
  const timeline = useQuery(patternTimeline(one.id));
  const drawn = useMemo(() => {
    const { data } = timeline;
    if (!data) return null;
    const start = Date.parse(data.start) / 1000;
    const times = data.counts.map((_, at) => start + at * data.step_s);
    const span = { start, end: start + data.counts.length * data.step_s };
    return { data: { times, lines: [{ label: "lines", values: data.counts }] }, span, minutes: data.step_s / 60 };
  }, [timeline]);
  return (
    <section aria-label="Lines over time">
      <h3 className="mb-1 font-semibold">
        Last 24 h {drawn ? <span className="font-normal text-muted">lines in {drawn.minutes} min</span> : null}
      </h3>
      <QueryFailure what="Counting its lines" query={timeline} />
      {drawn ? (
        <Chart
          data={drawn.data}
          unit=""
          span={drawn.span}
          height={120}
          summary={`${plural(drawn.data.lines[0]?.values.reduce((sum, count) => sum + count, 0) ?? 0, "line")} of this pattern in the last 24 hours`}
          rules={one.findings.map((finding) => ({ at: Date.parse(finding.started_at) / 1000, word: finding.kind.toLowerCase() }))}
        />
      ) : timeline.isPending ? (
        <SkeletonBlock height={120} />
      ) : null}
    </section>
  );
}

function Lines({ one }: { one: LogPattern }) {
  const lines = useQuery(patternLines(one.id));
  return (
    <section aria-label="Latest lines">
      <div className="mb-1 flex items-baseline gap-3">
        <h3 className="font-semibold">Latest lines</h3>
        {one.query ? (
          <Link to="/logs" search={{ q: one.query, from: "now-24h", to: "now" }} className="link ml-auto">
            All its lines in Logs
          </Link>
        ) : (
          <span className="ml-auto text-meta text-muted">from {one.source} of this machine</span>
        )}
      </div>
      <QueryFailure what="Reading its lines" query={lines} />
      {lines.isPending ? <Skeleton rows={4} height={24} /> : null}
      <ol className="divide-y divide-line rounded border border-line">
        {lines.data?.items.map((line) => (
          <li key={`${line.at}${line.line}`} className="px-2 py-1">
            <time dateTime={line.at} className="mr-3 text-meta text-muted">
              {stamp(line.at)}
            </time>
            <span className="font-mono text-meta [overflow-wrap:anywhere]">{line.line}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Earlier({ one }: { one: LogPattern }) {
  const findings = useQuery(patternFindings(one.id));
  const ended = findings.data?.items.filter(({ ended_at }) => ended_at !== null) ?? [];
  if (!ended.length) return <QueryFailure what="Reading its findings" query={findings} />;
  return (
    <section>
      <h3 className="mb-1 font-semibold">Earlier</h3>
      <ol className="divide-y divide-line">
        {ended.map((finding) => (
          <li key={finding.id} className="flex items-baseline gap-3 py-1">
            <span className="w-20 shrink-0">
              <FindingMark kind={finding.kind} />
            </span>
            <span className="min-w-0 text-muted">
              {stamp(finding.started_at)} to {finding.ended_at ? stamp(finding.ended_at) : "now"}: {finding.explanation}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
