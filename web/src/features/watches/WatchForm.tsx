import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError } from "../../api/client";
import type { Sensitivity, Watch, WatchWish } from "../../api/insight";
import { clusters, me } from "../../api/queries";
import { FormProblem } from "../../shell/SignIn";
import { Field } from "../../ui/dialog";
import { SENSITIVITIES, UNITS, WORSE } from "./words";

export type WatchValues = Partial<WatchWish>;

interface Props {
  /** What it is now; nothing for a new one. */
  watch?: Watch;
  problem: Error | null;
  busy: boolean;
  submit: string;
  onSubmit: (values: WatchValues) => void;
  onCancel?: () => void;
  /** Told of what would be set, as it is typed. */
  onDraft?: (values: WatchValues) => void;
}

function number(form: FormData, name: string): number | null {
  const text = String(form.get(name) ?? "").trim();
  return text === "" ? null : Number(text);
}

function valuesOf(form: FormData, watch: Watch | undefined): WatchValues {
  const [above, below] = [number(form, "above"), number(form, "below")];
  const silent = number(form, "silence_min");
  const terms: WatchValues = {
    learned: form.get("learned") !== null,
    sensitivity: form.get("sensitivity") as Sensitivity,
    threshold: above === null && below === null ? null : { above, below, for_s: (number(form, "for_min") ?? 0) * 60 },
    silence_s: silent === null ? null : silent * 60,
  };
  if (watch?.shipped) return terms;
  return {
    ...terms,
    ...(watch ? {} : { name: String(form.get("name")) }),
    title: String(form.get("title")),
    query: String(form.get("query")),
    unit: String(form.get("unit")),
    worse: form.get("worse") as "up" | "down" | "both",
    minimum: number(form, "minimum") ?? 0,
    clusters: form.get("everywhere") === null ? form.getAll("clusters").map(String) : null,
  };
}

export function WatchForm({ watch, problem, busy, submit, onSubmit, onCancel, onDraft }: Props) {
  const fault = problem instanceof ApiError ? String(problem.details?.field ?? "") : "";
  const said = (field: string) => (fault === field ? problem?.message : undefined);
  const read = (form: HTMLFormElement) => valuesOf(new FormData(form), watch);
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSubmit(read(event.currentTarget));
  };
  return (
    <form onSubmit={send} onChange={(event) => onDraft?.(read(event.currentTarget))} className="space-y-3">
      {watch?.shipped ? null : <Own watch={watch} said={said} />}
      <Terms watch={watch} said={said} />
      <FormProblem text={problem && !fault ? problem.message : null} />
      <div className="flex justify-end gap-2">
        {onCancel ? (
          <button type="button" className="button" onClick={onCancel}>
            Cancel
          </button>
        ) : null}
        <button type="submit" className="button button-primary" disabled={busy}>
          {busy ? "Saving…" : submit}
        </button>
      </div>
    </form>
  );
}

interface PartProps {
  watch: Watch | undefined;
  said: (field: string) => string | undefined;
}

function Own({ watch, said }: PartProps) {
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-2">
        {watch ? null : (
          <Field label="Name" hint="a-z, 0-9 and _, such as queue_depth" fault={said("name")}>
            <input name="name" className="field font-mono" required pattern="[a-z][a-z0-9_]{1,62}" autoFocus />
          </Field>
        )}
        <Field label="Title" hint="As findings call it" fault={said("title")}>
          <input name="title" className="field" defaultValue={watch?.title} maxLength={100} />
        </Field>
      </div>
      <Field label="Query" hint="PromQL that gives each series a value, such as max by (queue) (queue_depth)" fault={said("query")}>
        <textarea name="query" rows={3} className="field h-auto font-mono" required defaultValue={watch?.query} />
      </Field>
      <div className="grid gap-3 sm:grid-cols-3">
        <Field label="Unit">
          <select name="unit" className="field" defaultValue={watch?.unit ?? ""}>
            {UNITS.map((unit) => (
              <option key={unit} value={unit}>
                {unit || "plain number"}
              </option>
            ))}
          </select>
        </Field>
        <Field label="It hurts">
          <select name="worse" className="field" defaultValue={watch?.worse ?? "both"}>
            {Object.entries(WORSE).map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Matters from" hint="Smaller deviations are not told">
          <input name="minimum" type="number" step="any" min={0} className="field" defaultValue={watch?.minimum ?? 0} />
        </Field>
      </div>
      <Where watch={watch} said={said} />
    </>
  );
}

function Where({ watch, said }: PartProps) {
  const fleet = useQuery(clusters);
  const user = useQuery(me);
  const whole = user.data?.clusters === null;
  const [everywhere, setEverywhere] = useState(watch ? watch.clusters === null : true);
  return (
    <fieldset className="space-y-1">
      <legend className="mb-1 text-meta font-medium">Where</legend>
      {whole ? (
        <label className="flex items-center gap-2">
          <input type="checkbox" name="everywhere" checked={everywhere} onChange={() => setEverywhere(!everywhere)} />
          On every cluster
        </label>
      ) : null}
      {whole && everywhere ? null : (
        <div className="max-h-32 overflow-y-auto rounded border border-line p-2">
          {fleet.data?.map(({ id, name }) => (
            <label key={id} className="flex items-center gap-2 font-mono text-meta">
              <input type="checkbox" name="clusters" value={id} defaultChecked={watch?.clusters?.includes(id)} />
              {name}
            </label>
          ))}
        </div>
      )}
      {said("clusters") ? <p className="text-meta text-critical">{said("clusters")}</p> : null}
    </fieldset>
  );
}

function Terms({ watch, said }: PartProps) {
  const [learned, setLearned] = useState(watch?.learned ?? true);
  const [sensitivity, setSensitivity] = useState<Sensitivity>(watch?.sensitivity ?? "MEDIUM");
  const limit = watch?.threshold;
  const minutes = (seconds: number | null | undefined) => (seconds ? seconds / 60 : "");
  return (
    <>
      <label className="flex items-center gap-2">
        <input type="checkbox" name="learned" checked={learned} onChange={() => setLearned(!learned)} />
        Learn what is usual, and tell what leaves its band
      </label>
      <Field
        label="Sensitivity"
        hint={`${SENSITIVITIES[sensitivity].rate} of each series, where nothing is wrong; measured on ordinary series: ${SENSITIVITIES[sensitivity].measured} a week`}
      >
        <select
          name="sensitivity"
          className="field w-auto"
          value={sensitivity}
          onChange={(event) => setSensitivity(event.target.value as Sensitivity)}
        >
          {Object.entries(SENSITIVITIES).map(([value, { name }]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <div className="grid grid-cols-2 gap-3">
        <Field label="Above" hint="A fixed limit; empty for none" fault={said("threshold")}>
          <input name="above" type="number" step="any" className="field" defaultValue={limit?.above ?? ""} />
        </Field>
        <Field label="Below" hint="A fixed limit; empty for none">
          <input name="below" type="number" step="any" className="field" defaultValue={limit?.below ?? ""} />
        </Field>
        <Field label="For (min)" hint="How long past its limit">
          <input name="for_min" type="number" step="any" min={0} max={1440} className="field" defaultValue={minutes(limit?.for_s)} />
        </Field>
        <Field label="Silent for (min)" hint="Empty: nobody minds">
          <input name="silence_min" type="number" step="any" min={0.5} className="field" defaultValue={minutes(watch?.silence_s)} />
        </Field>
      </div>
    </>
  );
}
