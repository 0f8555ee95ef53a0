import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { CorrelationRule, RuleAction, RuleDraft, Tried } from "../../api/correlation";
import { ApiError, call } from "../../api/client";
import type { ReplayRun, ReplayWish } from "../../api/replays";
import { Field } from "../../ui/dialog";
import { TriedResult } from "./TriedResult";
import { pointer } from "./words";

const EXAMPLES = [
  'labels.namespace == "payments" && alert.severity in ["CRITICAL", "HIGH"]',
  'alert.name.startsWith("Backup")',
  '"rack" in labels && cluster.environment == "PRODUCTION"',
];

interface Props {
  rule?: CorrelationRule;
  may: boolean;
  busy: boolean;
  problem: ApiError | null;
  onSubmit: (draft: RuleDraft) => void;
  onDelete?: () => void;
}

interface Values {
  name: string;
  expression: string;
  action: RuleAction;
  group_by: string;
  within_min: string;
  place: string;
  enabled: boolean;
  note: string;
}

function valuesOf(rule: CorrelationRule | undefined): Values {
  return {
    name: rule?.name ?? "",
    expression: rule?.expression ?? "",
    action: rule?.action ?? "GATHER",
    group_by: rule?.group_by.join(", ") ?? "",
    within_min: String((rule?.within_s ?? 600) / 60),
    place: String(rule?.place ?? 100),
    enabled: rule?.enabled ?? true,
    note: rule?.note ?? "",
  };
}

function termsOf(values: Values) {
  const group_by = values.group_by.split(",").map((each) => each.trim()).filter(Boolean);
  return { expression: values.expression, group_by, within_s: Math.round(Number(values.within_min) * 60) };
}

export function RuleForm({ rule, may, busy, problem, onSubmit, onDelete }: Props) {
  const [values, setValues] = useState(() => valuesOf(rule));
  const set = (part: Partial<Values>) => setValues((old) => ({ ...old, ...part }));
  const { tried, trying, refused, tryIt } = useTrial();
  const replaying = useReplaying(rule);
  const fault = problem ?? refused ?? replaying.refused;
  const draft = (): RuleDraft => ({
    ...termsOf(values),
    name: values.name,
    action: values.action,
    enabled: values.enabled,
    place: Number(values.place),
    note: values.note,
  });
  const send = () => onSubmit(draft());
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Field label="Name">
        <input className="field" required maxLength={100} value={values.name} onChange={(event) => set({ name: event.target.value })} />
      </Field>
      <Expression value={values.expression} fault={fault} onChange={(expression) => set({ expression })} />
      <Field label="What matches">
        <select className="field" value={values.action} onChange={(event) => set({ action: event.target.value as RuleAction })}>
          <option value="GATHER">comes together in one incident</option>
          <option value="APART">stays apart: an incident of its own for each</option>
        </select>
      </Field>
      {values.action === "GATHER" ? (
        <div className="grid gap-3 md:grid-cols-2">
          <Field label="One incident for each" hint="Labels, or cluster; parted by commas. Empty: one for all.">
            <input className="field font-mono" value={values.group_by} onChange={(event) => set({ group_by: event.target.value })} />
          </Field>
          <Field label="Apart at most, minutes" hint="How long after the last one another still joins.">
            <input className="field" type="number" min={0.5} max={60} step="any" value={values.within_min} onChange={(event) => set({ within_min: event.target.value })} />
          </Field>
        </div>
      ) : null}
      <div className="grid gap-3 md:grid-cols-2">
        <Field label="Place" hint="Rules with a lower one are asked first.">
          <input className="field" type="number" min={0} max={10000} value={values.place} onChange={(event) => set({ place: event.target.value })} />
        </Field>
        <label className="flex items-center gap-2 pt-5">
          <input type="checkbox" className="size-4 accent-accent" checked={values.enabled} onChange={(event) => set({ enabled: event.target.checked })} />
          At work
        </label>
      </div>
      <Field label="Note">
        <input className="field" maxLength={1000} value={values.note} onChange={(event) => set({ note: event.target.value })} />
      </Field>
      <div className="flex flex-wrap items-center gap-2">
        {may ? (
          <button type="submit" className="button button-primary" disabled={busy}>
            {rule ? "Save" : "Add the rule"}
          </button>
        ) : null}
        <button type="button" className="button" disabled={trying || !values.expression.trim()} onClick={() => void tryIt(termsOf(values))}>
          {trying ? "Trying…" : "Try on the last 24 h"}
        </button>
        {may ? (
          <button
            type="button"
            className="button"
            title="The last 7 days of all clusters, with this rule as it stands here and without it"
            disabled={replaying.busy || !values.expression.trim()}
            onClick={() => replaying.ask({ ...draft(), name: values.name || "New rule", enabled: true })}
          >
            {replaying.busy ? "Asking…" : "Replay last week, before and after"}
          </button>
        ) : null}
        {may && onDelete ? (
          <button type="button" className="button ml-auto" disabled={busy} onClick={onDelete}>
            Delete
          </button>
        ) : null}
      </div>
      {fault && !fault.details?.line ? <p role="alert" className="text-critical">{fault.message}</p> : null}
      {tried ? <TriedResult tried={tried} /> : null}
    </form>
  );
}

interface ExpressionProps {
  value: string;
  fault: ApiError | null;
  onChange: (value: string) => void;
}

function Expression({ value, fault, onChange }: ExpressionProps) {
  const at = fault ? pointer(value, fault.details) : null;
  return (
    <div>
      <Field
        label="Alerts that match, in CEL"
        hint="Over alert.name, alert.severity, alert.fingerprint, labels, cluster.name, cluster.environment and cluster.region. A label that is not there makes it false."
        fault={fault?.details?.line ? fault.message : undefined}
      >
        <textarea
          className="field h-20 py-1 font-mono"
          rows={3}
          required
          maxLength={2000}
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      </Field>
      {at ? (
        <pre aria-hidden="true" className="mt-1 overflow-x-auto rounded bg-raised px-2 py-1 font-mono text-meta">
          {at.line}
          {"\n"}
          <span className="text-critical">{at.mark}</span>
        </pre>
      ) : null}
      {value ? null : (
        <p className="mt-1 flex flex-wrap gap-x-3 text-meta text-muted">
          For example:
          {EXAMPLES.map((each) => (
            <button key={each} type="button" className="link font-mono" onClick={() => onChange(each)}>
              {each}
            </button>
          ))}
        </p>
      )}
    </div>
  );
}

/** A kept rule is left out of what it is compared with as it was, and tried as it stands in the form. */
function useReplaying(kept: CorrelationRule | undefined) {
  const navigate = useNavigate();
  const asked = useMutation({
    mutationFn: (draft: RuleDraft) => {
      const rule = { within_s: 600, enabled: true, place: 100, note: "", ...draft };
      const body: ReplayWish = { rule, without_rules: kept ? [kept.id] : [] };
      return call<ReplayRun>("replays", { method: "POST", body });
    },
    onSuccess: ({ id }) => void navigate({ to: "/replays/$replayId", params: { replayId: id } }),
  });
  const refused = asked.error instanceof ApiError ? asked.error : null;
  return { ask: asked.mutate, busy: asked.isPending, refused };
}

function useTrial() {
  const [tried, setTried] = useState<Tried | null>(null);
  const [trying, setTrying] = useState(false);
  const [refused, setRefused] = useState<ApiError | null>(null);
  const tryIt = async (terms: object) => {
    setTrying(true);
    try {
      setTried(await call<Tried>("correlation-rules/test", { method: "POST", body: { ...terms, hours: 24 } }));
      setRefused(null);
    } catch (error) {
      setTried(null);
      if (error instanceof ApiError) setRefused(error);
      else throw error;
    } finally {
      setTrying(false);
    }
  };
  return { tried, trying, refused, tryIt };
}
