import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { call } from "../../api/client";
import type { Cluster, ClusterDraft, ConnectionTest } from "../../api/types";
import { sentence } from "../../lib/format";
import { FormProblem } from "../../shell/SignIn";
import { Dialog, Field } from "../../ui/dialog";
import { OutcomeMark } from "../../ui/marks";

const ENVIRONMENTS = ["PRODUCTION", "STAGING", "DEVELOPMENT", "LAB"];

type Sign = "none" | "bearer" | "basic";

/** What a person wrote: fields left empty are not sent, so that a change never clears what it does not show. */
function draftOf(form: HTMLFormElement): ClusterDraft {
  const draft: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && value) draft[name] = value.trim();
  return draft;
}

function connectionOf({ prometheus_url, bearer_token, username, password }: ClusterDraft) {
  return { prometheus_url, bearer_token, username, password };
}

interface Props {
  open: boolean;
  onClose: () => void;
  /** The cluster to change; none to add one. */
  cluster?: Cluster;
}

export function ClusterDialog({ open, onClose, cluster }: Props) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={cluster ? `Change ${cluster.name}` : "Add cluster"}
      description={cluster ? undefined : "The address of its Prometheus is enough; nodes and services are watched at once."}
    >
      <ClusterForm cluster={cluster} onDone={onClose} />
    </Dialog>
  );
}

function ClusterForm({ cluster, onDone }: { cluster?: Cluster; onDone: () => void }) {
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const [sign, setSign] = useState<Sign>("none");
  const test = useMutation({
    mutationFn: (draft: ClusterDraft) =>
      call<ConnectionTest>("clusters/test-connection", { method: "POST", body: connectionOf(draft) }),
  });
  const save = useMutation({
    mutationFn: (draft: ClusterDraft) =>
      cluster
        ? call<Cluster>(`clusters/${cluster.id}`, { method: "PATCH", body: draft })
        : call<Cluster>("clusters", { method: "POST", body: draft }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["clusters"] });
      void client.invalidateQueries({ queryKey: ["offers"] });
      onDone();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(draftOf(event.currentTarget));
  };
  const tryOut = () => {
    if (form.current?.reportValidity()) test.mutate(draftOf(form.current));
  };
  const host = cluster?.platform === "HOST";
  return (
    <form ref={form} onSubmit={submit} className="space-y-3">
      <div className="grid gap-3 sm:grid-cols-2">
        {cluster ? null : (
          <Field label="Name" hint="Small letters, digits and dashes, such as eu-1">
            <input name="name" className="field font-mono" required autoFocus />
          </Field>
        )}
        <Field label="Shown as">
          <input name="display_name" className="field" defaultValue={cluster?.display_name} />
        </Field>
        <Field label="Environment">
          <select name="environment" className="field" defaultValue={cluster?.environment ?? "PRODUCTION"}>
            {ENVIRONMENTS.map((one) => (
              <option key={one} value={one}>
                {sentence(one)}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Region">
          <input name="region" className="field" defaultValue={cluster?.region ?? ""} />
        </Field>
      </div>
      {host ? null : (
        <>
          <Field label="Prometheus address" hint="Such as https://prometheus.example.com">
            <input
              name="prometheus_url"
              type="url"
              className="field font-mono"
              required={!cluster}
              defaultValue={cluster?.prometheus_url ?? ""}
            />
          </Field>
          <SignFields sign={sign} setSign={setSign} changing={Boolean(cluster)} />
          <div className="flex items-center gap-3">
            <button type="button" className="button" onClick={tryOut} disabled={test.isPending}>
              {test.isPending ? "Testing…" : "Test connection"}
            </button>
            <FormProblem text={test.error ? test.error.message : null} />
          </div>
          {test.data ? <Steps result={test.data} /> : null}
        </>
      )}
      <FormProblem text={save.error ? save.error.message : null} />
      <div className="sticky -bottom-4 -mx-4 -mb-4 flex justify-end gap-2 border-t border-line bg-panel px-4 py-3">
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={save.isPending}>
          {save.isPending ? "Saving…" : cluster ? "Save" : "Add cluster"}
        </button>
      </div>
    </form>
  );
}

function SignFields({ sign, setSign, changing }: { sign: Sign; setSign: (sign: Sign) => void; changing: boolean }) {
  return (
    <div className="grid gap-3 sm:grid-cols-3">
      <Field label="It wants">
        <select className="field" value={sign} onChange={(event) => setSign(event.target.value as Sign)}>
          <option value="none">{changing ? "what is stored" : "no sign-in"}</option>
          <option value="bearer">a bearer token</option>
          <option value="basic">user and password</option>
        </select>
      </Field>
      {sign === "bearer" ? (
        <div className="sm:col-span-2">
          <Field label="Bearer token">
            <input name="bearer_token" type="password" className="field font-mono" autoComplete="off" required />
          </Field>
        </div>
      ) : null}
      {sign === "basic" ? (
        <>
          <Field label="User name">
            <input name="username" className="field" autoComplete="off" required />
          </Field>
          <Field label="Password">
            <input name="password" type="password" className="field" autoComplete="new-password" required />
          </Field>
        </>
      ) : null}
    </div>
  );
}

const STEP_NAMES: Record<string, string> = { url: "Address", dns: "Name (DNS)", tls: "TLS" };

function Steps({ result }: { result: ConnectionTest }) {
  return (
    <ol className="panel divide-y divide-line" aria-label="Steps of the test" aria-live="polite">
      {result.steps.map((step) => (
        <li key={step.name} className="grid grid-cols-[88px_140px_1fr] gap-2 px-3 py-1.5">
          <OutcomeMark ok={step.ok} />
          <span className="font-medium">{STEP_NAMES[step.name] ?? sentence(step.name)}</span>
          <span className="break-words text-muted">{step.detail}</span>
        </li>
      ))}
    </ol>
  );
}
