import { useState } from "react";
import { Link } from "@tanstack/react-router";
import type { LogLine } from "../../api/signals";
import { Dialog } from "../../ui/dialog";
import { LevelMark } from "./LevelMark";

export const keyOf = (line: LogLine) => `${line.timestamp} ${line.cluster_id} ${JSON.stringify(line.labels)} ${line.line.slice(0, 80)}`;

interface Props {
  lines: LogLine[];
  wrap: boolean;
  onFilter: (name: string, value: string, how: "=" | "!=", ofStream: boolean) => void;
}

const time = (timestamp: string) => {
  const at = new Date(timestamp);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${timestamp.slice(20, 23)}`;
};

export function LogLines({ lines, wrap, onFilter }: Props) {
  const [open, setOpen] = useState<LogLine | null>(null);
  return (
    <>
      <ol aria-label="Log lines" className="panel overflow-x-auto py-1 font-mono text-meta">
        {lines.map((line, at) => (
          <li key={`${keyOf(line)} ${at}`} style={{ contentVisibility: "auto", containIntrinsicSize: "auto 24px" }}>
            <button
              type="button"
              data-row
              className={`grid w-full grid-cols-[150px_84px_120px_1fr] items-baseline gap-x-3 px-3 py-0.5 text-left hover:bg-raised max-md:grid-cols-[110px_70px_1fr] ${wrap ? "" : "min-w-max"}`}
              onClick={() => setOpen(line)}
            >
              <time dateTime={line.timestamp} className="text-muted">
                {time(line.timestamp)}
              </time>
              <LevelMark level={line.level} />
              <span className="truncate text-muted max-md:hidden">{line.cluster}</span>
              <span className={wrap ? "min-w-0 break-all whitespace-pre-wrap" : "whitespace-pre"}>
                {line.line}
                {line.cut_from ? <span className="text-muted"> … cut, {line.cut_from.toLocaleString("en")} characters</span> : null}
              </span>
            </button>
          </li>
        ))}
      </ol>
      <Dialog open={open !== null} onClose={() => setOpen(null)} title="Log line" drawer>
        {open ? (
          <Details
            line={open}
            onFilter={(...filter) => {
              setOpen(null);
              onFilter(...filter);
            }}
          />
        ) : null}
      </Dialog>
    </>
  );
}

function Details({ line, onFilter }: { line: LogLine; onFilter: Props["onFilter"] }) {
  const traceId = line.metadata.trace_id ?? line.parsed.trace_id ?? line.metadata.traceID ?? line.parsed.traceID;
  return (
    <div className="space-y-4">
      <p className="flex flex-wrap gap-x-4 text-muted">
        <span className="font-mono">{line.timestamp}</span>
        <span className="font-mono">{line.cluster}</span>
        <LevelMark level={line.level} />
      </p>
      <pre className="max-h-80 overflow-auto rounded bg-raised p-2 font-mono text-meta break-all whitespace-pre-wrap">{line.line}</pre>
      {traceId && /^[0-9a-fA-F]{1,32}$/.test(traceId) ? (
        <Link to="/traces/$traceId" params={{ traceId }} className="button">
          Open its trace
        </Link>
      ) : null}
      <Fields title="Labels of the stream" fields={line.labels} ofStream onFilter={onFilter} />
      <Fields title="Of this line" fields={line.metadata} ofStream={false} onFilter={onFilter} />
      <Fields title="Parsed" fields={line.parsed} ofStream={false} onFilter={onFilter} />
    </div>
  );
}

interface FieldsProps {
  title: string;
  fields: Record<string, string>;
  ofStream: boolean;
  onFilter: Props["onFilter"];
}

function Fields({ title, fields, ofStream, onFilter }: FieldsProps) {
  const entries = Object.entries(fields);
  if (!entries.length) return null;
  return (
    <section>
      <h3 className="mb-1 font-semibold">{title}</h3>
      <table className="table font-mono text-meta">
        <tbody>
          {entries.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className="break-all">{value}</td>
              <td className="w-24 text-right whitespace-nowrap">
                <button type="button" className="link" aria-label={`Only ${name} ${value}`} onClick={() => onFilter(name, value, "=", ofStream)}>
                  only
                </button>{" "}
                <button type="button" className="link" aria-label={`Without ${name} ${value}`} onClick={() => onFilter(name, value, "!=", ofStream)}>
                  without
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
