import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { clusters } from "../../api/queries";
import { type TraceFields, type TracesFound, traceOperations, traceServices, traces } from "../../api/signals";
import { plural } from "../../lib/format";
import { isMoving, stamp } from "../../lib/time";
import { useHoldUnderPointer, useRange, useWant } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { ClusterPicker } from "../metrics/ClusterPicker";
import { Completeness } from "../metrics/Completeness";
import { took } from "./waterfall";

export function TracesPage() {
  const search: TraceFields = useSearch({ from: "/shell/traces" });
  const navigate = useNavigate({ from: "/traces" });
  const [range] = useRange();
  const fleet = useQuery(clusters);
  const [typed, setTyped] = useState<TraceFields>(search);
  useEffect(() => setTyped(search), [search]);
  const services = useQuery(traceServices(range));
  const operations = useQuery(traceOperations(range, typed.service));
  const found = useQuery(traces(search, range));
  useWant("TRACE_RECEIVED", isMoving(range), search.clusters);
  const set = (change: Partial<TraceFields>) => setTyped((old) => ({ ...old, ...change }));
  const run = (event: FormEvent) => {
    event.preventDefault();
    const id = typed.q?.trim() ?? "";
    if (/^[0-9a-fA-F]{16,32}$/.test(id)) return void navigate({ to: "/traces/$traceId", params: { traceId: id } });
    void navigate({ search: (old) => ({ ...old, ...typed, q: id || undefined }) });
    return undefined;
  };
  const free = Boolean(typed.q?.trim());
  return (
    <Page>
      <PageHead title="Traces" />
      <form onSubmit={run} className="mb-3 flex flex-wrap gap-2">
        <input
          data-search
          aria-label="TraceQL or the id of a trace"
          className="field basis-full font-mono"
          spellCheck={false}
          placeholder={'TraceQL, such as { resource.service.name = "shop" && status = error }, or the id of a trace'}
          value={typed.q ?? ""}
          onChange={(event) => set({ q: event.target.value })}
        />
        <Choice label="Service" of={services.data?.values ?? []} value={typed.service} disabled={free} onChange={(service) => set({ service, operation: undefined })} />
        <Choice label="Operation" of={operations.data?.values ?? []} value={typed.operation} disabled={free} onChange={(operation) => set({ operation })} />
        <Text label="At least" hint="250ms" value={typed.min} disabled={free} onChange={(min) => set({ min })} />
        <Text label="At most" hint="2s" value={typed.max} disabled={free} onChange={(max) => set({ max })} />
        <label className="inline-flex h-8 items-center gap-2">
          <input type="checkbox" className="size-4 accent-accent" disabled={free} checked={Boolean(typed.errors)} onChange={(event) => set({ errors: event.target.checked || undefined })} />
          With errors only
        </label>
        <ClusterPicker
          clusters={fleet.data ?? []}
          chosen={typed.clusters ?? []}
          onChange={(chosen) => void navigate({ search: (old) => ({ ...old, clusters: chosen.length ? chosen : undefined }) })}
        />
        <button type="submit" className="button button-primary">
          Search
        </button>
      </form>
      <div className="space-y-3">
        <QueryFailure what="The search" query={found} />
        {found.isPending ? <Skeleton rows={10} /> : null}
        {found.data ? <Found found={found.data} updatedAt={found.dataUpdatedAt} /> : null}
      </div>
    </Page>
  );
}

interface ChoiceProps {
  label: string;
  of: string[];
  value?: string;
  disabled: boolean;
  onChange: (value: string | undefined) => void;
}

function Choice({ label, of, value, disabled, onChange }: ChoiceProps) {
  const all = value && !of.includes(value) ? [value, ...of] : of;
  return (
    <select aria-label={label} className="field w-48" disabled={disabled} value={value ?? ""} onChange={(event) => onChange(event.target.value || undefined)}>
      <option value="">Any {label.toLowerCase()}</option>
      {all.map((one) => (
        <option key={one}>{one}</option>
      ))}
    </select>
  );
}

function Text({ label, hint, value, disabled, onChange }: Omit<ChoiceProps, "of"> & { hint: string }) {
  return (
    <input
      aria-label={`${label}, such as ${hint}`}
      placeholder={`${label}, ${hint}`}
      className="field w-36"
      disabled={disabled}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value.trim() || undefined)}
    />
  );
}

function Found({ found, updatedAt }: { found: TracesFound; updatedAt: number }) {
  const still = useHoldUnderPointer();
  const longest = Math.max(1, ...found.traces.map(({ duration_ms }) => duration_ms));
  return (
    <>
      <Completeness outcomes={found.clusters} updatedAt={updatedAt} />
      {found.without.length ? <p className="text-meta text-muted">{plural(found.without.length, "cluster")} without a Tempo</p> : null}
      {found.notes.map((note) => (
        <p key={note} role="status" className="text-high">
          {note}
        </p>
      ))}
      {found.traces.length ? (
        <div className="panel overflow-x-auto" {...still}>
          <table className="table">
            <thead>
              <tr>
                {["Started", "Trace", "Service", "Took", "Spans", "Errors", "Clusters"].map((word) => (
                  <th key={word} scope="col">
                    {word}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {found.traces.map((one) => {
                const spans = one.services.reduce((sum, { spans: count }) => sum + count, 0);
                const errors = one.services.reduce((sum, { errors: count }) => sum + count, 0);
                return (
                  <tr key={one.trace_id}>
                    <td className="whitespace-nowrap text-muted">{stamp(one.started_at)}</td>
                    <td>
                      <Link data-row to="/traces/$traceId" params={{ traceId: one.trace_id }} className="link">
                        {one.root_name ?? <span className="font-mono">{one.trace_id.slice(0, 16)}…</span>}
                      </Link>
                    </td>
                    <td>{one.root_service ?? <span className="text-muted">not known</span>}</td>
                    <td className="w-40">
                      <span className="block whitespace-nowrap">{took(one.duration_ms)}</span>
                      <span aria-hidden="true" className="block h-1 rounded bg-accent" style={{ width: `${Math.max(1, (one.duration_ms / longest) * 100)}%` }} />
                    </td>
                    <td>{spans || `${one.matched} matched`}</td>
                    <td>{errors ? <span className="font-medium text-critical">✕ {errors}</span> : <span className="text-muted">none</span>}</td>
                    <td className="font-mono text-meta">{one.clusters.join(", ")}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      ) : (
        <div className="panel">
          <Empty title="No trace matches">
            {found.clusters.some(({ status }) => status === "SUCCESS")
              ? "The clusters that answered hold none in this range. A new trace can be found only after some seconds."
              : found.clusters.length
                ? "No cluster answered, so nothing is known."
                : "None of these clusters has a Tempo: give a cluster the address of its Tempo first."}
          </Empty>
        </div>
      )}
      {found.more ? <p className="text-muted">There may be more than these {found.traces.length}: narrow the search or the range.</p> : null}
    </>
  );
}
