import type { ReactNode } from "react";
import type { Capabilities, Cluster } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";

/** Pairs of a name and what is known under it; unknown is said so. */
export function FactList({ facts }: { facts: [name: string, value: ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[112px_1fr] gap-x-3 gap-y-1">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function About({ cluster }: { cluster: Cluster }) {
  const now = useNow();
  const labels = Object.entries(cluster.labels);
  const selector = Object.entries(cluster.selector ?? {});
  const tls = cluster.tls;
  const facts: [string, ReactNode][] = [
    ["Platform", [sentence(cluster.platform), cluster.platform_version].filter(Boolean).join(" ")],
    ["Type", sentence(cluster.cluster_type)],
    ["Environment", sentence(cluster.environment)],
    ["Region", cluster.region ?? <Unknown>not said</Unknown>],
  ];
  if (labels.length) facts.push(["Labels", <Pairs key="labels" pairs={labels} />]);
  if (selector.length) facts.push(["Carved by", <Pairs key="selector" pairs={selector} />]);
  if (tls?.skip_verify) facts.push(["TLS", <span className="text-high" key="tls">certificate not checked</span>]);
  else if (tls?.ca_bundle) facts.push(["TLS", "authority of its own"]);
  if (cluster.proxy_url) facts.push(["Proxy", <span className="font-mono break-all" key="proxy">{cluster.proxy_url}</span>]);
  if (cluster.header_names?.length) facts.push(["Headers", cluster.header_names.join(", ")]);
  if (cluster.managed_by) facts.push(["Kept by", `the fleet file ${cluster.managed_by}`]);
  facts.push(["Added", ago(cluster.created_at, now)]);
  return (
    <section aria-label="About" className="panel p-3">
      <h2 className="mb-2 font-semibold">About</h2>
      <FactList facts={facts} />
    </section>
  );
}

function Pairs({ pairs }: { pairs: [string, string][] }) {
  return (
    <span className="font-mono text-meta">
      {pairs.map(([key, value]) => (
        <span key={key} className="block break-all">
          {key}={value}
        </span>
      ))}
    </span>
  );
}

function Unknown({ children }: { children: ReactNode }) {
  return <span className="text-muted">{children}</span>;
}

const ABILITIES: [keyof Capabilities & `has_${string}`, string][] = [
  ["has_prometheus", "Prometheus"],
  ["has_thanos", "Thanos"],
  ["has_loki", "Loki"],
  ["has_tempo", "Tempo"],
  ["has_service_mesh", "Service mesh"],
  ["has_gpu_nodes", "GPUs"],
  ["has_cnf_workloads", "Network functions"],
];

/** What was found in it; what nobody could look at is unknown, and why stands below. */
export function Abilities({ cluster }: { cluster: Cluster }) {
  const now = useNow();
  const { capabilities } = cluster;
  return (
    <section aria-label="Capabilities" className="panel p-3">
      <h2 className="mb-2 flex flex-wrap items-baseline gap-x-2 font-semibold">
        Capabilities
        {capabilities ? (
          <span className="text-meta font-normal text-muted">looked at {ago(capabilities.discovered_at, now)}</span>
        ) : null}
      </h2>
      {capabilities ? (
        <>
          <FactList facts={ABILITIES.map(([field, name]) => [name, <Found key={field} field={field} of={capabilities} />])} />
          {capabilities.problems?.length ? (
            <div className="mt-2 border-t border-line pt-2">
              <p className="font-medium">Could not be looked at</p>
              <ul className="list-disc pl-4 text-muted">
                {capabilities.problems.map((problem) => (
                  <li key={problem} className="break-words">
                    {problem}
                  </li>
                ))}
              </ul>
            </div>
          ) : null}
        </>
      ) : (
        <p className="text-muted">Nobody has looked yet.</p>
      )}
    </section>
  );
}

function Found({ field, of }: { field: (typeof ABILITIES)[number][0]; of: Capabilities }) {
  const has = of[field];
  if (has === null || has === undefined) return <Unknown>unknown</Unknown>;
  if (!has) return <Unknown>none</Unknown>;
  if (field === "has_gpu_nodes" && of.gpu_count)
    return `${plural(of.gpu_count, "GPU")}${of.gpu_types?.length ? `: ${of.gpu_types.join(", ")}` : ""}`;
  if (field === "has_cnf_workloads" && of.cnf_types?.length) return of.cnf_types.join(", ");
  return "yes";
}
