import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { ApiError, call } from "../../api/client";
import type { Cluster, ConnectionTest, CredentialsTried } from "../../api/types";
import { sentence } from "../../lib/format";
import { notify } from "../../shell/notice";
import { FormProblem } from "../../shell/SignIn";
import { Field } from "../../ui/dialog";
import { SignFields } from "./SignFields";
import { OwnSignIns } from "./OwnSignIns";
import { Steps, Trials } from "./Trials";
import {
  ENDPOINTS,
  type EndpointKind,
  type Fault,
  type Form,
  FormFault,
  applies,
  changeOf,
  draftOf,
  fieldOf,
  formOf,
  hasApiServer,
  testOf,
} from "./draft";
import { Folded, type PartProps } from "./formParts";
import { endpointName } from "./grid";

const PLATFORMS: [string, string][] = [
  ["STANDALONE", "A Prometheus alone"],
  ["KUBERNETES", "Kubernetes"],
  ["OPENSHIFT", "OpenShift"],
  ["MICROSHIFT", "MicroShift"],
  ["HOST", "A host that pushes its samples"],
];
const TYPES = ["HUB", "SPOKE", "EDGE", "FAR_EDGE"];
const ENVIRONMENTS = ["PRODUCTION", "STAGING", "DEVELOPMENT", "LAB"];

interface Props {
  cluster?: Cluster;
  /** An operator changes what a cluster is called and where it belongs, not where secrets go. */
  rights: "all" | "description";
  onDone: (id?: string) => void;
}

export function ClusterForm({ cluster, rights, onDone }: Props) {
  const client = useQueryClient();
  const area = useRef<HTMLFormElement>(null);
  const [form, setForm] = useState(() => formOf(cluster));
  const [fault, setFault] = useState<Fault | null>(null);
  // The field may stand in a part that is folded; it opens with the fault.
  useEffect(() => {
    if (fault) area.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [fault]);
  const refused = (error: Error) => {
    if (error instanceof FormFault) return setFault({ field: error.field, text: error.message });
    const field = error instanceof ApiError ? fieldOf(error.details, form.sign) : null;
    setFault({ field: field ?? "", text: error.message });
  };
  const test = useMutation({ mutationFn: () => tried(form, cluster), onError: refused });
  const save = useMutation({
    mutationFn: async () =>
      cluster
        ? call<Cluster>(`clusters/${cluster.id}`, { method: "PATCH", body: changeOf(form, cluster) })
        : call<Cluster>("clusters", { method: "POST", body: draftOf(form) }),
    onError: refused,
    onSuccess: (saved) => {
      for (const topic of ["clusters", "offers", "fleet-summary"]) void client.invalidateQueries({ queryKey: [topic] });
      notify({ text: `${saved.name} ${cluster ? "is changed" : "is added and being looked at"}.` });
      onDone(saved.id);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFault(null);
    save.mutate();
  };
  const tryOut = () => {
    setFault(null);
    test.mutate();
  };
  const whole = rights === "all";
  const set = (part: Partial<Form>) => setForm((old) => ({ ...old, ...part }));
  const parts = { form, set, faultOf: (field: string) => (fault?.field === field ? fault.text : undefined) };
  const known = FIELDS.has(fault?.field ?? "") || fault?.field.includes(".");
  return (
    <form ref={area} onSubmit={submit} noValidate className="max-w-3xl space-y-3">
      <Basics {...parts} whole={whole} />
      {whole && form.platform !== "HOST" ? (
        <>
          <Addresses {...parts} />
          <Section title="Sign-in">
            <SignFields
              {...parts}
              sign={form.sign}
              secret={form.secret}
              stored={cluster !== undefined && cluster.credential_kind !== "NONE"}
              onSign={(sign) => set({ sign, secret: {} })}
              onSecret={(secret) => set({ secret })}
            />
          </Section>
          <OwnSignIns {...parts} kept={cluster?.own_sign_ins ?? []} />
        </>
      ) : null}
      <Place {...parts} />
      {whole && form.platform !== "HOST" ? <Way {...parts} headerNames={cluster?.header_names ?? []} /> : null}
      {test.data ? (
        Object.keys(test.data.endpoints ?? {}).length ? (
          <Trials endpoints={test.data.endpoints ?? {}} />
        ) : (
          <div className="panel">
            <Steps steps={test.data.steps} />
          </div>
        )
      ) : null}
      <FormProblem text={fault && !known ? fault.text : null} />
      <div className="sticky bottom-0 flex flex-wrap gap-2 border-t border-line bg-bg py-3">
        <button type="submit" className="button button-primary" disabled={save.isPending}>
          {save.isPending ? "Saving…" : cluster ? "Save" : "Add cluster"}
        </button>
        {whole && form.platform !== "HOST" ? (
          <button type="button" className="button" onClick={tryOut} disabled={test.isPending}>
            {test.isPending ? "Testing…" : "Test connection"}
          </button>
        ) : null}
        <button type="button" className="button-quiet" onClick={() => onDone()}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** Tries the way there as it is written; with what is stored only where that goes already. */
async function tried(form: Form, cluster: Cluster | undefined): Promise<ConnectionTest> {
  const keepsOwn = Boolean(cluster?.own_sign_ins?.length) && !form.dropOwn && !Object.keys(form.own).length;
  const stored = cluster !== undefined && form.sign === "KEEP" && (cluster.credential_kind !== "NONE" || keepsOwn);
  if (stored) {
    const moved = Object.keys(changeOf(form, cluster)).some((field) => WAY.has(field));
    if (moved) throw new FormFault("sign", "What is stored is tried at the stored addresses alone: give it here, or save first.");
    const { ok, endpoints } = await call<CredentialsTried>(`clusters/${cluster.id}/credentials/validate`, { method: "POST" });
    return { ok, endpoints, steps: [] };
  }
  // Or what is written here would be shown to an endpoint that is signed in to otherwise.
  if (keepsOwn) throw new FormFault("sign", "Single endpoints keep sign-ins of their own: save first, then try them.");
  const asked = testOf(form);
  const field = hasApiServer(form.platform) ? "api_server_url" : "prometheus_url";
  if (!asked) throw new FormFault(field, "Give an address to try.");
  return call<ConnectionTest>("clusters/test-connection", { method: "POST", body: asked });
}

const WAY = new Set([
  "prometheus_url",
  "api_server_url",
  "alertmanager_url",
  "alertmanager_peer_url",
  "loki_url",
  "tempo_url",
  "endpoint_credentials",
  "selector",
  "tls",
  "proxy_url",
  "headers",
]);

/** Where a fault can be shown; any other stands at the foot. */
const FIELDS = new Set([...Object.keys(formOf()), "sign"]);

type TextField = { [K in keyof Form]: Form[K] extends string ? K : never }[keyof Form];

function Text({
  form,
  set,
  faultOf,
  field,
  label,
  hint,
  mono = false,
  long = false,
  placeholder,
}: PartProps & { field: TextField; label: string; hint?: string; mono?: boolean; long?: boolean; placeholder?: string }) {
  const common = { value: form[field], placeholder, spellCheck: false, autoComplete: "off" };
  return (
    <Field label={label} hint={hint} fault={faultOf(field)}>
      {long ? (
        <textarea
          className="field h-20 py-1 font-mono text-meta"
          {...common}
          onChange={(event) => set({ [field]: event.target.value })}
        />
      ) : (
        <input
          className={`field ${mono ? "font-mono" : ""}`}
          {...common}
          onChange={(event) => set({ [field]: event.target.value })}
        />
      )}
    </Field>
  );
}

function Select({
  form,
  set,
  faultOf,
  field,
  label,
  options,
}: PartProps & { field: TextField; label: string; options: [string, string][] }) {
  return (
    <Field label={label} fault={faultOf(field)}>
      <select className="field" value={form[field]} onChange={(event) => set({ [field]: event.target.value })}>
        {options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="panel p-3">
      <legend className="sr-only">{title}</legend>
      <h2 aria-hidden="true" className="mb-2 font-semibold">
        {title}
      </h2>
      {children}
    </fieldset>
  );
}

function Basics({ whole, ...parts }: PartProps & { whole: boolean }) {
  return (
    <Section title="Cluster">
      <div className="grid gap-3 sm:grid-cols-2">
        {whole ? (
          <>
            <Select {...parts} field="platform" label="It is" options={PLATFORMS} />
            <Text {...parts} field="name" label="Name" hint="Small letters, digits and dashes, such as eu-1" mono />
          </>
        ) : null}
        <Text {...parts} field="display_name" label="Shown as (optional)" />
      </div>
    </Section>
  );
}

const MORE = ["ALERTMANAGER", "ALERTMANAGER_PEER", "LOKI", "TEMPO"] as const;
const HINTS: Partial<Record<EndpointKind, string>> = {
  ALERTMANAGER_PEER: "The other of a pair, if each has its own address",
};

function Addresses(parts: PartProps) {
  const { form, faultOf } = parts;
  const api = applies("api_server_url", form);
  const more = MORE.filter((kind) => applies(ENDPOINTS[kind], form));
  const given = more.filter((kind) => form[ENDPOINTS[kind]]).map(endpointName);
  return (
    <>
      <Section title="Addresses">
        <div className="grid gap-3">
          {api ? (
            <Text {...parts} field="api_server_url" label="API server" placeholder="https://api.example.com:6443" mono />
          ) : null}
          <Text
            {...parts}
            field="prometheus_url"
            label={api ? "Prometheus (optional)" : "Prometheus address"}
            hint={
              api
                ? "Or what speaks its API. Without it the hub looks for one through the API server and suggests it."
                : "Such as https://prometheus.example.com; Thanos, Mimir and VictoriaMetrics too"
            }
            mono
          />
        </div>
      </Section>
      <Folded
        title="More addresses"
        note={given.length ? given.join(", ") : more.filter((kind) => kind !== "ALERTMANAGER_PEER").map(endpointName).join(", ")}
        faulty={more.some((kind) => faultOf(ENDPOINTS[kind]))}
      >
        {more.map((kind) => (
          <Text key={kind} {...parts} field={ENDPOINTS[kind]} label={endpointName(kind)} hint={HINTS[kind]} mono />
        ))}
      </Folded>
    </>
  );
}

function Place(parts: PartProps) {
  const { form, faultOf } = parts;
  const named = (values: string[]) => values.map((one): [string, string] => [one, sentence(one)]);
  return (
    <Folded
      title="Where it belongs"
      note={[form.environment, form.cluster_type].map(sentence).concat(form.region || []).join(", ")}
      faulty={["environment", "cluster_type", "region", "labels"].some((field) => faultOf(field))}
    >
      <Select {...parts} field="environment" label="Environment" options={named(ENVIRONMENTS)} />
      <Select {...parts} field="cluster_type" label="Type" options={named(TYPES)} />
      <Text {...parts} field="region" label="Region" />
      <Text {...parts} field="labels" label="Labels" hint="One key=value a line" long />
    </Folded>
  );
}

function Way({ headerNames, ...parts }: PartProps & { headerNames: string[] }) {
  const { form, set, faultOf } = parts;
  const given = [
    form.selector && "selector",
    (form.ca_bundle || form.server_name || form.skip_verify) && "TLS",
    form.proxy_url && "proxy",
    (form.headers || headerNames.length) && "headers",
  ].filter(Boolean);
  const kept = headerNames.length ? `Kept: ${headerNames.join(", ")}. What you write replaces all of them. ` : "";
  return (
    <Folded
      title="The way there"
      note={given.length ? given.join(", ") : "selector, TLS, proxy, headers"}
      faulty={["selector", "proxy_url", "headers", "ca_bundle", "server_name"].some((field) => faultOf(field))}
    >
      <Text
        {...parts}
        field="selector"
        label="Selector"
        hint="Labels that carve it out of an endpoint that several share, such as cluster=eu-1"
        long
      />
      <Text {...parts} field="headers" label="Extra headers" hint={`${kept}One “Name: value” a line, such as X-Scope-OrgID: team`} long />
      <Text {...parts} field="ca_bundle" label="CA bundle, PEM" hint="In place of the machine’s own authorities" long />
      <div className="space-y-3">
        <Text {...parts} field="server_name" label="Server name in TLS" mono />
        <label className="flex items-center gap-2">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={form.skip_verify}
            onChange={(event) => set({ skip_verify: event.target.checked })}
          />
          Don’t check its certificate
        </label>
      </div>
      <Text {...parts} field="proxy_url" label="Proxy" placeholder="http://proxy.example.com:3128" mono />
    </Folded>
  );
}
