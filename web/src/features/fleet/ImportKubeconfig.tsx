import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ApiError, call } from "../../api/client";
import { clusters } from "../../api/queries";
import type { Cluster, ImportOutcome } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { Field } from "../../ui/dialog";
import { ImportRows, Outcomes } from "./ImportRows";
import { type Context, contextsOf, only } from "./kubeconfig";

/** Contexts of a pasted kubeconfig; only what the chosen ones need is sent. */
export function ImportKubeconfig() {
  const client = useQueryClient();
  const fleet = useQuery(clusters);
  const [text, setText] = useState("");
  const [names, setNames] = useState<Record<string, string>>({});
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set<string>());
  const [platform, setPlatform] = useState("KUBERNETES");
  const [outcomes, setOutcomes] = useState<ImportOutcome[]>([]);
  const found = useMemo(() => (text.trim() ? contextsOf(text) : []), [text]);
  const contexts = typeof found === "string" ? [] : found;
  const taken = new Set(fleet.data?.map(({ name }) => name));
  const nameOf = (one: Context) => names[one.name] ?? one.suggested;
  const hindrance = (one: Context) => one.problem ?? (taken.has(nameOf(one)) ? "a cluster of this name is there" : null);
  const add = useMutation({
    mutationFn: async () => {
      const said: ImportOutcome[] = [];
      for (const one of contexts.filter(({ name }) => chosen.has(name))) {
        said.push(await added(nameOf(one), platform, only(text, one.name), one.name));
        setOutcomes([...said]);
      }
    },
    onSettled: () => {
      setChosen(new Set());
      void client.invalidateQueries({ queryKey: ["clusters"] });
    },
  });
  return (
    <div className="space-y-3">
      <Field
        label="Kubeconfig"
        hint="It is read here in the browser. Files that it names must be embedded: kubectl config view --flatten --raw"
        fault={typeof found === "string" ? found : undefined}
      >
        <textarea
          className="field h-40 py-1 font-mono text-meta"
          spellCheck={false}
          autoComplete="off"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setChosen(new Set());
            setOutcomes([]);
          }}
        />
      </Field>
      {contexts.length ? (
        <>
          <ImportRows
            chosen={chosen}
            onChosen={setChosen}
            candidates={contexts.map((one) => ({
              key: one.name,
              called: one.name,
              name: (
                <>
                  <input
                    aria-label={`Name of ${one.name}`}
                    className="field h-7 font-mono"
                    value={nameOf(one)}
                    onChange={(event) => setNames({ ...names, [one.name]: event.target.value })}
                  />
                  <span className="text-meta text-muted">
                    {one.name}
                    {one.current ? ", current" : ""}
                  </span>
                </>
              ),
              where: one.server,
              hindrance: hindrance(one),
            }))}
          />
          <div className="flex flex-wrap items-center gap-3">
            <button
              type="button"
              className="button button-primary"
              disabled={chosen.size === 0 || add.isPending}
              onClick={() => add.mutate()}
            >
              {add.isPending ? `Adding, ${outcomes.length} done…` : `Add ${plural(chosen.size, "cluster")}`}
            </button>
            <label className="flex items-center gap-2">
              as
              <select className="field w-auto" value={platform} onChange={(event) => setPlatform(event.target.value)}>
                {["KUBERNETES", "OPENSHIFT", "MICROSHIFT"].map((one) => (
                  <option key={one} value={one}>
                    {sentence(one)}
                  </option>
                ))}
              </select>
            </label>
          </div>
        </>
      ) : null}
      {outcomes.length && !add.isPending ? <Outcomes outcomes={outcomes} /> : null}
    </div>
  );
}

async function added(name: string, platform: string, kubeconfig: string, context: string): Promise<ImportOutcome> {
  const body = { name, platform, credentials: { kind: "KUBECONFIG", kubeconfig, context } };
  try {
    const cluster = await call<Cluster>("clusters", { method: "POST", body });
    return { name, added: true, cluster_id: cluster.id };
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) throw error;
    return { name, added: false, problem: error instanceof Error ? error.message : String(error) };
  }
}
