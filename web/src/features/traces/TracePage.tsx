import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import { type Span, type Trace, trace } from "../../api/signals";
import { plural } from "../../lib/format";
import { stamp } from "../../lib/time";
import { lineLook } from "../../ui/Chart";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { Completeness } from "../metrics/Completeness";
import { logsOfTrace } from "../logs/logql";
import { bar, inSight, keyed, took } from "./waterfall";

export function TracePage() {
  const { traceId } = useParams({ from: "/shell/traces/$traceId" });
  const answer = useQuery(trace(traceId));
  const root = answer.data?.spans[0];
  return (
    <Page>
      <PageHead title={root ? `${root.service}: ${root.name}` : "Trace"} note={<span className="font-mono text-meta break-all">{answer.data?.trace_id ?? traceId}</span>}>
        {answer.data ? <ToLogs found={answer.data} /> : null}
      </PageHead>
      <div className="space-y-3">
        <QueryFailure what="The trace" query={answer} />
        {answer.isPending ? <Skeleton rows={12} /> : null}
        {answer.data ? (
          <>
            <Completeness outcomes={answer.data.clusters} updatedAt={answer.dataUpdatedAt} />
            {answer.data.notes.map((note) => (
              <p key={note} role="status" className="text-high">
                {note}
              </p>
            ))}
            <Waterfall found={answer.data} />
          </>
        ) : null}
      </div>
    </Page>
  );
}

function ToLogs({ found }: { found: Trace }) {
  const start = Date.parse(found.started_at);
  const around = { from: new Date(start - 60_000).toISOString(), to: new Date(start + found.duration_ms + 60_000).toISOString() };
  return (
    <Link to="/logs" search={{ q: logsOfTrace(found.trace_id), ...around }} className="button">
      Logs of this trace
    </Link>
  );
}

function Waterfall({ found }: { found: Trace }) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => inSight(found.spans, folded), [found.spans, folded]);
  const look = useMemo(() => new Map(found.services.map(({ service }, place) => [service, lineLook(place, 2).colour])), [found.services]);
  const chosen = rows[Math.min(at, rows.length - 1)];
  const fold = (span: Span, closed: boolean) => {
    const next = new Set(folded);
    if (closed) next.add(span.span_id);
    else next.delete(span.span_id);
    setFolded(next);
  };
  const press = (event: KeyboardEvent) => {
    const done = keyed(event.key, rows, at, folded);
    if (!done) return;
    event.preventDefault();
    const row = rows[at];
    if (done.fold !== undefined && row) fold(row, done.fold);
    setAt(done.to);
    list.current?.querySelectorAll<HTMLElement>('[role="treeitem"]')[done.to]?.scrollIntoView({ block: "nearest" });
  };
  const errors = found.services.reduce((sum, { errors: count }) => sum + count, 0);
  return (
    <>
      <p className="text-muted">
        {stamp(found.started_at)} · {took(found.duration_ms)} · {plural(found.spans.length, "span")} · {plural(errors, "error")} ·{" "}
        {plural(new Set(found.spans.map(({ cluster }) => cluster)).size, "cluster")}
      </p>
      <ul className="flex flex-wrap gap-x-4 gap-y-1 text-meta">
        {found.services.map(({ service, spans }) => (
          <li key={service} className="flex items-center gap-1.5">
            <span aria-hidden="true" className="size-2.5 rounded-sm" style={{ background: `var(${look.get(service)})` }} />
            {service} <span className="text-muted">{spans}</span>
          </li>
        ))}
      </ul>
      <div className="grid gap-3 xl:grid-cols-[1fr_420px]">
        <div
          ref={list}
          role="tree"
          tabIndex={0}
          aria-label="Spans"
          aria-activedescendant={chosen ? `span-${chosen.span_id}` : undefined}
          className="panel max-h-[70vh] overflow-auto py-1"
          onKeyDown={press}
        >
          {rows.map((span, place) => (
            <Row
              key={`${span.span_id} ${span.service} ${span.offset_ms}`}
              span={span}
              traceMs={found.duration_ms}
              colour={look.get(span.service) ?? "--measured"}
              chosen={span === chosen}
              folded={folded.has(span.span_id)}
              onChoose={() => setAt(place)}
              onFold={(closed) => fold(span, closed)}
            />
          ))}
        </div>
        {chosen ? <SpanDetails span={chosen} /> : null}
      </div>
    </>
  );
}

interface RowProps {
  span: Span;
  traceMs: number;
  colour: string;
  chosen: boolean;
  folded: boolean;
  onChoose: () => void;
  onFold: (closed: boolean) => void;
}

function Row({ span, traceMs, colour, chosen, folded, onChoose, onFold }: RowProps) {
  const { left, width } = bar(span, traceMs);
  const failed = span.status === "ERROR";
  return (
    <div
      id={`span-${span.span_id}`}
      role="treeitem"
      aria-level={span.depth + 1}
      aria-selected={chosen}
      aria-expanded={span.children ? !folded : undefined}
      tabIndex={-1}
      className={`grid h-7 cursor-pointer grid-cols-[minmax(220px,38%)_1fr] items-center gap-2 px-2 ${chosen ? "bg-raised" : "hover:bg-raised"}`}
      style={{ contentVisibility: "auto", containIntrinsicSize: "auto 28px" }}
      onClick={onChoose}
      onDoubleClick={() => (span.children ? onFold(!folded) : undefined)}
    >
      <span className="flex min-w-0 items-center gap-1" style={{ paddingLeft: Math.min(span.depth, 24) * 12 }}>
        <span
          aria-hidden="true"
          className="w-4 shrink-0 text-center text-muted"
          onClick={(event) => {
            event.stopPropagation();
            if (span.children) onFold(!folded);
          }}
        >
          {span.children ? (folded ? "▸" : "▾") : ""}
        </span>
        <span aria-hidden="true" className="size-2 shrink-0 rounded-sm" style={{ background: `var(${colour})` }} />
        <span className="truncate">
          <span className="text-muted">{span.service}</span> {span.name}
        </span>
        {failed ? <span className="shrink-0 text-critical">✕ error</span> : null}
        {span.orphan ? <span className="shrink-0 text-medium" title="Its parent is not among the spans that were found">parent missing</span> : null}
      </span>
      <span className="relative h-4">
        <span className={`absolute top-0.5 h-3 rounded-sm ${failed ? "outline-2 outline-critical" : ""}`} style={{ left: `${left}%`, width: `${width}%`, background: `var(${colour})` }} />
        <span className="absolute top-0 text-meta whitespace-nowrap text-muted" style={left + width > 80 ? { right: `${100 - left + 0.5}%` } : { left: `${left + width + 0.5}%` }}>
          {took(span.duration_ms)}
        </span>
      </span>
    </div>
  );
}

function SpanDetails({ span }: { span: Span }) {
  return (
    <aside aria-label="The span" className="panel max-h-[70vh] space-y-4 overflow-auto p-3">
      <div>
        <h2 className="font-semibold break-words">{span.name}</h2>
        <p className="text-muted">
          {span.service} · {span.kind.toLowerCase()} · <span className="font-mono">{span.cluster}</span>
        </p>
        <p>
          {took(span.duration_ms)}, from {took(span.offset_ms)} on
          {span.status === "ERROR" ? <span className="text-critical"> · ✕ error{span.status_message ? `: ${span.status_message}` : ""}</span> : null}
        </p>
      </div>
      <Fields title="Attributes" fields={span.attributes} />
      {span.events.map((event) => (
        <Fields key={`${event.name} ${event.offset_ms}`} title={`${event.name}, at ${took(event.offset_ms)}`} fields={event.attributes} />
      ))}
      <Fields title="Resource" fields={span.resource} />
      <p className="font-mono text-meta text-muted">span {span.span_id}</p>
    </aside>
  );
}

function Fields({ title, fields }: { title: string; fields: Record<string, unknown> }) {
  const entries = Object.entries(fields);
  return (
    <section>
      <h3 className="mb-1 font-semibold">{title}</h3>
      {entries.length ? (
        <dl className="grid grid-cols-[minmax(96px,auto)_1fr] gap-x-4 gap-y-0.5 font-mono text-meta">
          {entries.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-muted">{name}</dt>
              <dd className="min-w-0 break-all">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <p className="text-muted">None</p>
      )}
    </section>
  );
}
