import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useDeferredValue, useState } from "react";
import type { Window, WindowWish } from "../../api/maintenance";
import { clusters, me } from "../../api/queries";
import { zone } from "../../lib/time";
import { FormProblem } from "../../shell/SignIn";
import { Field } from "../../ui/dialog";
import { PreviewPanel } from "./PreviewPanel";
import { between, later, matcherText, matchersOf, repeats } from "./terms";

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];
const OWN = "own";

interface Props {
  window?: Window;
  problem: Error | null;
  busy: boolean;
  onSubmit: (wish: WindowWish) => void;
  onCancel: () => void;
}

interface Draft {
  title: string;
  comment: string;
  timezone: string;
  from: string;
  to: string;
  /** One of the suggested rules, or that people write their own. */
  repeat: string;
  rule: string;
  until: string;
  everywhere: boolean;
  clusters: string[];
  matchers: string;
  push: boolean;
}

function begun(window: Window | undefined, whole: boolean): Draft {
  if (!window) {
    const next = new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000);
    const from = new Date(next.getTime() - next.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    const plain = { title: "", comment: "", repeat: "", rule: "", until: "", matchers: "", push: false };
    return { ...plain, timezone: zone, from, to: later(from, 3600), everywhere: whole, clusters: [] };
  }
  const from = window.starts_local.slice(0, 16);
  const [, until = ""] = /;UNTIL=(\d{8})/.exec(window.rrule) ?? [];
  const bare = window.rrule.replace(/;UNTIL=\d{8}(?=;|$)/, "");
  const usual = repeats(from).some(([rule]) => rule === bare);
  return {
    title: window.title,
    comment: window.comment,
    timezone: window.timezone,
    from,
    to: later(from, window.duration_s),
    repeat: usual ? bare : OWN,
    rule: usual ? "" : bare,
    until: until && `${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6)}`,
    everywhere: window.clusters === null,
    clusters: window.clusters?.map(({ id }) => id) ?? [],
    matchers: window.matchers.map(matcherText).join("\n"),
    push: window.push,
  };
}

/** What to send, or why that can't be sent yet. */
function wishOf(draft: Draft): { wish: WindowWish | null; lacks: string | null } {
  const lacking = (lacks: string) => ({ wish: null, lacks });
  const length = between(draft.from, draft.to);
  if (!(length >= 60)) return lacking("The end must lie behind the start.");
  if (!draft.everywhere && draft.clusters.length === 0) return lacking("Choose at least one cluster.");
  const { matchers, wrong } = matchersOf(draft.matchers);
  if (wrong !== null) return lacking(`“${wrong}” is no matcher: write one a line, as severity="warning".`);
  const rule = draft.repeat === OWN ? draft.rule.trim() : draft.repeat;
  const until = rule && draft.until ? `;UNTIL=${draft.until.replaceAll("-", "")}` : "";
  const wish: WindowWish = {
    title: draft.title.trim() || "New window",
    comment: draft.comment,
    timezone: draft.timezone,
    starts_local: draft.from,
    duration_s: length,
    rrule: rule + until,
    cluster_ids: draft.everywhere ? null : draft.clusters,
    matchers,
    push: draft.push,
  };
  return { wish, lacks: null };
}

export function WindowForm({ window, problem, busy, onSubmit, onCancel }: Props) {
  const user = useQuery(me);
  const whole = user.data?.clusters === null;
  const [draft, setDraft] = useState(() => begun(window, whole));
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const { wish, lacks } = wishOf(draft);
  const shown = useDeferredValue(wish);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (wish) onSubmit(wish);
  };
  return (
    <form onSubmit={send} className="space-y-3">
      <Field label="Title">
        <input className="field" required maxLength={200} autoFocus value={draft.title} onChange={(e) => set({ title: e.target.value })} />
      </Field>
      <When draft={draft} set={set} />
      <Where draft={draft} set={set} whole={whole} />
      <Field label="Only alerts that match" hint={'One a line, all must match, as severity=~"warning|info". Empty: every alert.'}>
        <textarea className="field h-auto font-mono" rows={2} value={draft.matchers} onChange={(e) => set({ matchers: e.target.value })} />
      </Field>
      <Field label="Why">
        <input className="field" maxLength={2000} value={draft.comment} onChange={(e) => set({ comment: e.target.value })} />
      </Field>
      <label className="flex items-center gap-2">
        <input type="checkbox" checked={draft.push} onChange={(e) => set({ push: e.target.checked })} />
        Silence them in the clusters’ Alertmanagers too
      </label>
      <PreviewPanel draft={shown} />
      <FormProblem text={lacks ?? problem?.message ?? null} />
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={busy || wish === null}>
          {busy ? "Saving…" : window ? "Save" : "Plan it"}
        </button>
      </div>
    </form>
  );
}

interface PartProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
}

function When({ draft, set }: PartProps) {
  const moved = (from: string) => {
    const length = between(draft.from, draft.to);
    const rules = repeats(from);
    // A rule by the former start's weekday goes over to that of the new one.
    const place = repeats(draft.from).findIndex(([rule]) => rule === draft.repeat);
    const repeat = draft.repeat === OWN || place < 0 ? draft.repeat : (rules[place]?.[0] ?? "");
    set({ from, repeat, ...(length > 0 && !Number.isNaN(between(from, from)) ? { to: later(from, length) } : {}) });
  };
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label="From">
          <input type="datetime-local" className="field" required value={draft.from} onChange={(e) => moved(e.target.value)} />
        </Field>
        <Field label="To">
          <input type="datetime-local" className="field" required value={draft.to} onChange={(e) => set({ to: e.target.value })} />
        </Field>
        <Field label="Time zone" hint="The clock on its wall counts, also when it is changed">
          <input className="field" list="zones" required value={draft.timezone} onChange={(e) => set({ timezone: e.target.value })} />
        </Field>
        <Field label="Repeats">
          <select className="field" value={draft.repeat} onChange={(e) => set({ repeat: e.target.value })}>
            {repeats(draft.from).map(([rule, words]) => (
              <option key={rule} value={rule}>
                {words}
              </option>
            ))}
            <option value={OWN}>By a rule of RFC 5545…</option>
          </select>
        </Field>
        {draft.repeat === OWN ? (
          <Field label="Rule" hint="As FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2">
            <input className="field font-mono" value={draft.rule} onChange={(e) => set({ rule: e.target.value })} />
          </Field>
        ) : null}
        {draft.repeat ? (
          <Field label="Until" hint="Its last day; empty: for good">
            <input type="date" className="field" value={draft.until} onChange={(e) => set({ until: e.target.value })} />
          </Field>
        ) : null}
      </div>
      <datalist id="zones">
        {ZONES.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

function Where({ draft, set, whole }: PartProps & { whole: boolean }) {
  const fleet = useQuery(clusters);
  const toggle = (id: string) =>
    set({ clusters: draft.clusters.includes(id) ? draft.clusters.filter((one) => one !== id) : [...draft.clusters, id] });
  return (
    <fieldset className="space-y-1">
      <legend className="mb-1 text-meta font-medium">Where</legend>
      {whole ? (
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={draft.everywhere} onChange={() => set({ everywhere: !draft.everywhere })} />
          On every cluster
        </label>
      ) : null}
      {draft.everywhere ? null : (
        <div className="max-h-32 overflow-y-auto rounded border border-line p-2">
          {fleet.data?.map(({ id, name }) => (
            <label key={id} className="flex items-center gap-2 font-mono text-meta">
              <input type="checkbox" checked={draft.clusters.includes(id)} onChange={() => toggle(id)} />
              {name}
            </label>
          ))}
        </div>
      )}
    </fieldset>
  );
}
