import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import type { IntakeTried, IntakeWish } from "../../api/intake";
import type { Alert, Page } from "../../api/types";
import { sentence } from "../../lib/format";
import { Field } from "../../ui/dialog";
import { LabelList } from "../../ui/labels";
import { labelsOf, labelText } from "./words";

const SAMPLE = { labels: "alertname=HighLatency\nseverity=warning\nservice=checkout", annotations: "summary=Requests of checkout are slow" };

interface Props {
  wish: IntakeWish;
  replaces?: string;
  names: Map<string, string>;
  source: string;
  /** What can't be read of the rule itself. */
  wrong: string | null;
}

/** What an alert would become with the rule as it stands in the form; nothing is kept. */
export function Trial({ wish, replaces, names, source, wrong }: Props) {
  const [sample, setSample] = useState(SAMPLE);
  const [chosen, setChosen] = useState("");
  const cluster = chosen || wish.cluster_ids?.[0] || [...names.keys()][0];
  const labels = labelsOf(sample.labels);
  const annotations = labelsOf(sample.annotations);
  const tried = useMutation({
    mutationFn: () =>
      call<IntakeTried>("alert-intake-rules/try", {
        method: "POST",
        body: { cluster_id: cluster, labels: labels.labels, annotations: annotations.labels, source: source || "alertmanager", rule: wish, replaces },
      }),
  });
  const newest = useMutation({
    mutationFn: async () => {
      const [last] = (await call<Page<Alert>>("alerts", { query: { cluster_id: cluster, page_size: 1 } })).items;
      if (!last) throw new Error("No alert of this cluster is known.");
      return call<Alert>(`alerts/${last.fingerprint}`, { query: { cluster_id: last.cluster_id } });
    },
    // As it came, before rules shaped it.
    onSuccess: (alert) => setSample({ labels: labelText(alert.original?.labels ?? alert.labels), annotations: labelText(alert.annotations) }),
  });
  const fault = (line: string | null) => (line === null ? undefined : `“${line}” is no name=value.`);
  const unread = wrong !== null || labels.wrong !== null || annotations.wrong !== null;
  const failed = tried.error ?? newest.error;
  return (
    <section aria-label="Try it" className="space-y-3 border-t border-line pt-3">
      <h3 className="font-semibold">Try it on an alert</h3>
      <div className="flex flex-wrap items-center gap-2">
        <select aria-label="Cluster of the alert" className="field w-auto" value={cluster ?? ""} onChange={(event) => setChosen(event.target.value)}>
          {[...names].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <button type="button" className="button" disabled={!cluster || newest.isPending} onClick={() => newest.mutate()}>
          Take its newest alert
        </button>
      </div>
      <Field label="Its labels" fault={fault(labels.wrong)}>
        <textarea className="field h-auto py-1 font-mono" rows={4} spellCheck={false} value={sample.labels} onChange={(event) => setSample({ ...sample, labels: event.target.value })} />
      </Field>
      <Field label="Its annotations" fault={fault(annotations.wrong)}>
        <textarea className="field h-auto py-1 font-mono" rows={2} spellCheck={false} value={sample.annotations} onChange={(event) => setSample({ ...sample, annotations: event.target.value })} />
      </Field>
      <button type="button" className="button" disabled={!cluster || unread || tried.isPending} onClick={() => tried.mutate()}>
        {tried.isPending ? "Trying…" : "Try"}
      </button>
      {failed ? (
        <p role="alert" className="text-critical">
          {failed.message}
        </p>
      ) : null}
      {tried.data ? <Became tried={tried.data} rule={wish.name} /> : null}
    </section>
  );
}

function Became({ tried, rule }: { tried: IntakeTried; rule: string }) {
  return (
    <div role="status" className="space-y-2">
      <p className="font-medium">
        It would be {tried.name}, {sentence(tried.severity).toLowerCase()}
        {tried.merged ? ", one with others that agree" : ""}.
      </p>
      {tried.steps.some((step) => step.rule === rule) ? null : <p className="text-medium">This rule does nothing to it.</p>}
      <ul>
        {tried.steps.map((step) => (
          <li key={step.rule} className="break-words text-muted">
            {step.rule}: {step.merges ? "decides which alerts are one" : Object.entries(step.set).map(([name, value]) => `${name}=${value}`).join(", ")}
          </li>
        ))}
      </ul>
      <LabelList title="Labels" labels={tried.labels} />
    </div>
  );
}
