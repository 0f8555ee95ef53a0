import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call } from "../../api/client";
import type { ChangeSource, NewChangeSource } from "../../api/maintenance";
import { clusters, me } from "../../api/queries";
import { FormProblem } from "../../shell/SignIn";
import { Copyable } from "../../ui/Copyable";
import { Dialog, Field } from "../../ui/dialog";
import { setupOf } from "./setups";

export const SENDERS: Record<ChangeSource["kind"], string> = {
  GITHUB: "GitHub",
  GITLAB: "GitLab",
  ARGOCD: "Argo CD",
  GENERIC: "Anything that posts JSON",
};

interface Wish {
  name: string;
  kind: string;
  cluster_id: string | null;
  places: Record<string, string>;
}

/** Lets something tell of changes: what it is, where its changes belong, and how it is set up. */
export function NewChangeSourceDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const make = useMutation({
    mutationFn: (body: Wish) => call<NewChangeSource>("change-sources", { method: "POST", body }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["changes", "sources"] }),
  });
  const close = () => {
    make.reset();
    onClose();
  };
  return (
    <Dialog open={open} onClose={close} title={make.data ? `${make.data.name} may tell of changes` : "New source of changes"} sturdy={Boolean(make.data)}>
      {make.data ? (
        <SetUp made={make.data} onClose={close} />
      ) : (
        <Form onMake={make.mutate} onClose={close} busy={make.isPending} problem={make.error?.message ?? null} />
      )}
    </Dialog>
  );
}

interface FormProps {
  onMake: (wish: Wish) => void;
  onClose: () => void;
  busy: boolean;
  problem: string | null;
}

function Form({ onMake, onClose, busy, problem }: FormProps) {
  const fleet = useQuery(clusters);
  const user = useQuery(me);
  const [places, setPlaces] = useState<{ place: string; cluster: string }[]>([]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const said = (name: string) => String(form.get(name) ?? "");
    onMake({
      name: said("name"),
      kind: said("kind"),
      cluster_id: said("cluster_id") || null,
      places: Object.fromEntries(places.filter(({ place, cluster }) => place && cluster).map(({ place, cluster }) => [place, cluster])),
    });
  };
  const change = (at: number, to: Partial<{ place: string; cluster: string }>) =>
    setPlaces(places.map((one, index) => (index === at ? { ...one, ...to } : one)));
  const options = fleet.data?.map((one) => (
    <option key={one.id} value={one.id}>
      {one.name}
    </option>
  ));
  return (
    <form onSubmit={submit} className="space-y-3">
      <Field label="Name" hint="Who tells, such as shop-pipeline">
        <input name="name" className="field" required maxLength={128} autoFocus />
      </Field>
      <Field label="What it is">
        <select name="kind" className="field">
          {Object.entries(SENDERS).map(([kind, word]) => (
            <option key={kind} value={kind}>
              {word}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Cluster" hint="Where its changes belong, unless its environment is named below">
        <select name="cluster_id" className="field" required={user.data?.clusters != null}>
          <option value="">No single one: for who sees the whole fleet</option>
          {options}
        </select>
      </Field>
      <fieldset className="space-y-1">
        <legend className="mb-1 font-medium">Environments</legend>
        <p className="text-meta text-muted">An environment (GitHub, GitLab) or destination (Argo CD), and the cluster that it is.</p>
        {places.map(({ place, cluster }, at) => (
          <div key={at} className="flex gap-2">
            <input aria-label={`Environment ${at + 1}`} className="field" placeholder="production" value={place} maxLength={512} onChange={(event) => change(at, { place: event.target.value })} />
            <select aria-label={`Cluster of environment ${at + 1}`} className="field" value={cluster} onChange={(event) => change(at, { cluster: event.target.value })}>
              <option value="">Cluster…</option>
              {options}
            </select>
            <button type="button" className="button" onClick={() => setPlaces(places.filter((_, index) => index !== at))}>
              Drop
            </button>
          </div>
        ))}
        <button type="button" className="button h-7" onClick={() => setPlaces([...places, { place: "", cluster: "" }])}>
          Add an environment
        </button>
      </fieldset>
      <FormProblem text={problem} />
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={busy}>
          {busy ? "Making…" : "Make it"}
        </button>
      </div>
    </form>
  );
}

function SetUp({ made, onClose }: { made: NewChangeSource; onClose: () => void }) {
  const url = `${location.origin}${made.path}`;
  const { steps, text } = setupOf(made.kind, url, made.token);
  return (
    <div className="space-y-3">
      <p>
        Where its webhooks go, and its token, <strong>shown only now</strong>.
      </p>
      <Copyable label="Address" text={url} />
      <Copyable label="Token" text={made.token} />
      <ol className="list-decimal space-y-1 pl-5">
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      {text ? <Copyable label={text.title} text={text.body} /> : null}
      <div className="flex justify-end">
        <button type="button" className="button button-primary" onClick={onClose}>
          I have it
        </button>
      </div>
    </div>
  );
}
