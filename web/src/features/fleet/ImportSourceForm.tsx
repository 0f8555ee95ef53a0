import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, call } from "../../api/client";
import type { FoundClusters, ImportOutcome } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { FormProblem } from "../../shell/SignIn";
import { Field } from "../../ui/dialog";
import { ImportRows, Outcomes } from "./ImportRows";
import { SignFields } from "./SignFields";
import { FormFault, type Sign, credentialsOf, fieldOf, readPairs } from "./draft";

const FIELDS = ["url", "label", "headers", "ca_bundle", "prometheus_url", "sign", "api_server_url"];

interface Asked {
  url: string;
  label: string;
  headers: string;
  ca_bundle: string;
  prometheus_url: string;
  sign: Sign;
  secret: Record<string, string>;
}

/** Looks for clusters at a hub of ACM or in a shared Prometheus, and adds those that are chosen. */
export function ImportSourceForm({ kind }: { kind: "ACM" | "SHARED_PROMETHEUS" }) {
  const client = useQueryClient();
  const acm = kind === "ACM";
  const [asked, setAsked] = useState<Asked>({
    url: "",
    label: "cluster",
    headers: "",
    ca_bundle: "",
    prometheus_url: "",
    sign: acm ? "SERVICE_ACCOUNT" : "NONE",
    secret: {},
  });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set<string>());
  const [environment, setEnvironment] = useState("PRODUCTION");
  const source = () => {
    const credentials = credentialsOf(asked);
    return {
      kind,
      url: asked.url.trim(),
      label: asked.label.trim() || "cluster",
      headers: readPairs(asked.headers, "headers", ":"),
      tls: { ca_bundle: asked.ca_bundle.trim() || null },
      ...(credentials ? { credentials } : {}),
    };
  };
  const look = useMutation({
    mutationFn: async () => call<FoundClusters>("clusters/candidates", { method: "POST", body: source() }),
    onSuccess: (found) => {
      setChosen(new Set(found.clusters.filter((one) => !one.registered && !one.problem).map(({ name }) => name)));
      if (acm && found.prometheus_url) setAsked((old) => ({ ...old, prometheus_url: old.prometheus_url || (found.prometheus_url ?? "") }));
    },
  });
  const add = useMutation({
    mutationFn: async () => {
      const body = {
        source: source(),
        names: [...chosen],
        environment,
        ...(acm && asked.prometheus_url.trim() ? { prometheus_url: asked.prometheus_url.trim() } : {}),
      };
      return call<{ outcomes: ImportOutcome[] }>("clusters/import", { method: "POST", body });
    },
    onSuccess: () => void client.invalidateQueries({ queryKey: ["clusters"] }),
  });
  const error = add.error ?? look.error;
  const field = faultField(error, asked.sign);
  const faultOf = (one: string) => (one === field && error ? error.message : undefined);
  const set = (part: Partial<Asked>) => setAsked((old) => ({ ...old, ...part }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.reset();
    look.mutate();
  };
  return (
    <form onSubmit={submit} noValidate className="space-y-3">
      <div className="panel grid gap-3 p-3 sm:grid-cols-2">
        <div className="sm:col-span-2">
          <Field
            label={acm ? "API server of the ACM hub" : "Address of the Thanos or Mimir"}
            hint={acm ? "Such as https://api.hub.example.com:6443" : "Such as https://thanos.example.com"}
            fault={faultOf("url")}
          >
            <input className="field font-mono" value={asked.url} onChange={(event) => set({ url: event.target.value })} autoComplete="off" />
          </Field>
        </div>
        {acm ? null : (
          <Field label="Label that tells the clusters apart" fault={faultOf("label")}>
            <input className="field font-mono" value={asked.label} onChange={(event) => set({ label: event.target.value })} />
          </Field>
        )}
        {acm ? null : (
          <Field label="Extra headers (optional)" hint="Such as X-Scope-OrgID: team" fault={faultOf("headers")}>
            <input className="field font-mono" value={asked.headers} onChange={(event) => set({ headers: event.target.value })} />
          </Field>
        )}
        <div className="sm:col-span-2">
          <SignFields
            sign={asked.sign}
            secret={asked.secret}
            onSign={(sign) => set({ sign, secret: {} })}
            onSecret={(secret) => set({ secret })}
            faultOf={faultOf}
          />
        </div>
        <details className="sm:col-span-2" open={faultOf("ca_bundle") ? true : undefined}>
          <summary className="cursor-pointer text-muted">An authority of its own (CA)</summary>
          <div className="mt-2">
            <Field label="CA bundle, PEM" fault={faultOf("ca_bundle")}>
              <textarea
                className="field h-24 py-1 font-mono text-meta"
                value={asked.ca_bundle}
                onChange={(event) => set({ ca_bundle: event.target.value })}
              />
            </Field>
          </div>
        </details>
      </div>
      <button type="submit" className="button button-primary" disabled={look.isPending}>
        {look.isPending ? "Looking…" : "Look for clusters"}
      </button>
      <FormProblem text={error && !field ? error.message : null} />
      {look.data ? (
        <>
          <p>
            {plural(look.data.clusters.length, "cluster")} found
            {look.data.problems.length ? <span className="text-high">. {look.data.problems.join(" ")}</span> : null}
          </p>
          {look.data.clusters.length ? (
            <ImportRows
              chosen={chosen}
              onChosen={setChosen}
              candidates={look.data.clusters.map((one) => ({
                key: one.name,
                called: one.name,
                name: (
                  <>
                    <span className="font-mono">{one.name}</span>
                    {one.known_as === one.name ? null : <span className="ml-2 text-muted">{one.known_as}</span>}
                  </>
                ),
                where: one.api_server_url ?? Object.entries(one.selector).map((pair) => pair.join("=")).join(", "),
                hindrance: one.problem ?? (one.registered ? "is there already" : null),
              }))}
            />
          ) : null}
          <div className="grid items-end gap-3 sm:grid-cols-2">
            {acm ? (
              <Field
                label="Where the metrics of all of them are (optional)"
                hint="The credentials above are shown there too; without it each is added by its API server alone"
                fault={faultOf("prometheus_url")}
              >
                <input
                  className="field font-mono"
                  value={asked.prometheus_url}
                  onChange={(event) => set({ prometheus_url: event.target.value })}
                />
              </Field>
            ) : null}
            <Field label="Environment">
              <select className="field" value={environment} onChange={(event) => setEnvironment(event.target.value)}>
                {["PRODUCTION", "STAGING", "DEVELOPMENT", "LAB"].map((one) => (
                  <option key={one} value={one}>
                    {sentence(one)}
                  </option>
                ))}
              </select>
            </Field>
          </div>
          <button
            type="button"
            className="button button-primary"
            disabled={!chosen.size || add.isPending}
            onClick={() => add.mutate()}
          >
            {add.isPending ? "Adding…" : `Add ${plural(chosen.size, "cluster")}`}
          </button>
        </>
      ) : null}
      {add.data ? <Outcomes outcomes={add.data.outcomes} /> : null}
    </form>
  );
}

function faultField(error: Error | null, sign: Sign): string | null {
  if (error instanceof FormFault) return error.field;
  if (!(error instanceof ApiError)) return null;
  const field = fieldOf(error.details, sign);
  if (field === null) return null;
  // The hub checks the source as the cluster that it would be.
  if (field === "api_server_url" || field === "prometheus_url") return "url";
  return FIELDS.includes(field) || field.includes(".") ? field : null;
}
