import { useState } from "react";
import type { ApiError } from "../../api/client";
import type { IntakeRule, IntakeWish } from "../../api/intake";
import { Field } from "../../ui/dialog";
import { Trial } from "./Trial";
import { type Draft, type Kind, draftOf, wishOf } from "./words";

interface Props {
  rule?: IntakeRule;
  names: Map<string, string>;
  may: boolean;
  busy: boolean;
  problem: ApiError | null;
  onSubmit: (wish: IntakeWish) => void;
  onDelete?: () => void;
}

type Set = (part: Partial<Draft>) => void;

export function IntakeForm({ rule, names, may, busy, problem, onSubmit, onDelete }: Props) {
  const [draft, setDraft] = useState(() => draftOf(rule));
  const set: Set = (part) => setDraft((old) => ({ ...old, ...part }));
  const { wish, wrong } = wishOf(draft);
  return (
    <div className="space-y-4">
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (wrong === null) onSubmit(wish);
        }}
      >
        <Field label="Name">
          <input className="field" required maxLength={128} value={draft.name} onChange={(event) => set({ name: event.target.value })} />
        </Field>
        <Field label="What it does">
          <select className="field" value={draft.kind} onChange={(event) => set({ kind: event.target.value as Kind })}>
            <option value="extraction">takes labels out of a text</option>
            <option value="mapping">looks labels up in a table</option>
            <option value="deduplication">makes one alert of those that are the same</option>
          </select>
        </Field>
        <Part draft={draft} set={set} />
        <Whose draft={draft} names={names} wrong={wrong} set={set} />
        <div className="flex flex-wrap items-center gap-2">
          {may ? (
            <button type="submit" className="button button-primary" disabled={busy || wrong !== null}>
              {rule ? "Save" : "Add the rule"}
            </button>
          ) : null}
          {may && onDelete ? (
            <button type="button" className="button ml-auto" disabled={busy} onClick={onDelete}>
              Delete
            </button>
          ) : null}
        </div>
        {problem ? (
          <p role="alert" className="text-critical">
            {problem.message}
          </p>
        ) : null}
      </form>
      <Trial wish={{ ...wish, name: wish.name || "This rule", enabled: true }} replaces={rule?.id} names={names} source={draft.source} wrong={wrong} />
    </div>
  );
}

function Part({ draft, set }: { draft: Draft; set: Set }) {
  if (draft.kind === "deduplication")
    return (
      <Field label="Labels that must agree" hint="Parted by commas, beside the alert's name. One alert ends with the last of them.">
        <input className="field font-mono" value={draft.labels} onChange={(event) => set({ labels: event.target.value })} />
      </Field>
    );
  return (
    <>
      {draft.kind === "extraction" ? <Extraction draft={draft} set={set} /> : <Table draft={draft} set={set} />}
      <Check label="Write over labels that are there" checked={draft.overwrite} onChange={(overwrite) => set({ overwrite })} />
    </>
  );
}

function Extraction({ draft, set }: { draft: Draft; set: Set }) {
  return (
    <>
      <div className="grid gap-3 md:grid-cols-2">
        <Field label="Out of">
          <select className="field" value={draft.of} onChange={(event) => set({ of: event.target.value as Draft["of"] })}>
            <option value="ANNOTATION">an annotation</option>
            <option value="LABEL">a label</option>
          </select>
        </Field>
        <Field label="Its name">
          <input className="field font-mono" required value={draft.from} onChange={(event) => set({ from: event.target.value })} />
        </Field>
      </div>
      <Field label="Expression" hint="RE2, found anywhere in the text. Its named groups become labels: (?P<team>[a-z]+) sets team.">
        <input className="field font-mono" required spellCheck={false} value={draft.pattern} onChange={(event) => set({ pattern: event.target.value })} />
      </Field>
    </>
  );
}

function Table({ draft, set }: { draft: Draft; set: Set }) {
  return (
    <>
      <Field label="Table" hint="CSV, the first line names labels. An empty cell of a compared column fits any value.">
        <textarea
          className="field h-auto py-1 font-mono"
          rows={6}
          required
          spellCheck={false}
          placeholder={"service,team,owner\ncheckout,payments,ann"}
          value={draft.csv}
          onChange={(event) => set({ csv: event.target.value })}
        />
      </Field>
      <input
        type="file"
        accept=".csv,text/csv"
        aria-label="Read the table from a file"
        className="text-meta"
        onChange={(event) => void event.target.files?.[0]?.text().then((csv) => set({ csv }))}
      />
      <Field label="Columns to compare" hint="Parted by commas; the others are set.">
        <input className="field font-mono" required value={draft.match} onChange={(event) => set({ match: event.target.value })} />
      </Field>
    </>
  );
}

interface WhoseProps {
  draft: Draft;
  names: Map<string, string>;
  wrong: string | null;
  set: Set;
}

function Whose({ draft, names, wrong, set }: WhoseProps) {
  const fault = wrong === null ? undefined : `“${wrong}” is no matcher: write one a line, as severity="warning".`;
  return (
    <>
      <Field label="Only alerts that match" hint='One a line, as namespace="shop" or service=~"cart|bill". Empty: all.' fault={fault}>
        <textarea className="field h-auto py-1 font-mono" rows={2} spellCheck={false} value={draft.matchers} onChange={(event) => set({ matchers: event.target.value })} />
      </Field>
      <div className="grid gap-3 md:grid-cols-2">
        <Field label="Only from" hint="A kind, as grafana, or a source's name. Empty: any.">
          <input className="field font-mono" maxLength={128} value={draft.source} onChange={(event) => set({ source: event.target.value })} />
        </Field>
        <Field label="Place" hint="Rules with a lower one work first.">
          <input className="field" type="number" min={0} max={10000} value={draft.position} onChange={(event) => set({ position: event.target.value })} />
        </Field>
      </div>
      <Field label="Only of these clusters" hint="None chosen: all. Hold Ctrl to choose several.">
        <select
          multiple
          className="field h-auto"
          size={Math.min(5, Math.max(2, names.size))}
          value={draft.clusters}
          onChange={(event) => set({ clusters: [...event.target.selectedOptions].map((one) => one.value) })}
        >
          {[...names].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Check label="At work" checked={draft.enabled} onChange={(enabled) => set({ enabled })} />
    </>
  );
}

function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (checked: boolean) => void }) {
  return (
    <label className="flex items-center gap-2">
      <input type="checkbox" className="size-4 accent-accent" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      {label}
    </label>
  );
}
