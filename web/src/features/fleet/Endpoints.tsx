import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/client";
import type { Cluster, Suggestions } from "../../api/types";
import { formatValue } from "../../lib/format";
import { ago } from "../../lib/time";
import { notify } from "../../shell/notice";
import { useNow } from "../../shell/store";
import { QueryFailure } from "../../ui/feedback";
import { OutcomeMark } from "../../ui/marks";
import { ENDPOINTS } from "./draft";
import { endpointName } from "./grid";

/** Every endpoint with its address, and how it fared at the last probe. */
export function Endpoints({ cluster, operator }: { cluster: Cluster; operator: boolean }) {
  const now = useNow();
  const client = useQueryClient();
  const probe = useMutation({
    mutationFn: () => call(`clusters/${cluster.id}/refresh`, { method: "POST", query: { capabilities: true } }),
    onSuccess: () => {
      for (const topic of ["clusters", "history"]) void client.invalidateQueries({ queryKey: [topic] });
    },
    onError: (error) => notify({ text: `Probing failed: ${error.message}`, failed: true }),
  });
  const found = Object.entries(cluster.status.endpoints);
  const known = new Set(found.map(([kind]) => kind.toUpperCase()));
  const silent = Object.entries(ENDPOINTS).filter(([kind, field]) => cluster[field] && !known.has(kind));
  return (
    <section aria-label="Endpoints" className="panel min-w-0">
      <h2 className="flex min-h-10 items-center gap-3 px-3 font-semibold">
        Endpoints
        {operator ? (
          <button type="button" className="button ml-auto h-7 font-normal" disabled={probe.isPending} onClick={() => probe.mutate()}>
            {probe.isPending ? "Probing…" : "Probe now"}
          </button>
        ) : null}
      </h2>
      <div className="overflow-x-auto border-t border-line">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Endpoint</th>
              <th scope="col">Answer</th>
              <th scope="col" className="text-right">
                Took
              </th>
              <th scope="col">Tried</th>
              <th scope="col" className="w-1/2">
                Address, last error
              </th>
            </tr>
          </thead>
          <tbody>
            {found.map(([kind, endpoint]) => (
              <tr key={kind}>
                <td className="whitespace-nowrap">{endpointName(kind)}</td>
                <td>
                  <OutcomeMark ok={endpoint.ok} words={["Answers", "Fails"]} />
                </td>
                <td className="text-right whitespace-nowrap">
                  {formatValue(endpoint.latency_ms === undefined || endpoint.latency_ms === null ? null : endpoint.latency_ms / 1000, "seconds")}
                </td>
                <td className="whitespace-nowrap">{ago(endpoint.checked_at, now)}</td>
                <td className="min-w-40 break-words">
                  <span className="font-mono break-all">{addressOf(cluster, kind) ?? "pushed to the hub"}</span>
                  {endpoint.error ? <span className="block text-critical">{endpoint.error}</span> : null}
                </td>
              </tr>
            ))}
            {silent.map(([kind, field]) => (
              <tr key={kind}>
                <td>{endpointName(kind)}</td>
                <td className="text-muted" colSpan={3}>
                  not probed yet
                </td>
                <td className="font-mono break-all">{cluster[field]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {operator && cluster.api_server_url ? <Suggested cluster={cluster} /> : null}
    </section>
  );
}

function addressOf(cluster: Cluster, kind: string): string | null | undefined {
  const field = ENDPOINTS[kind.toUpperCase() as keyof typeof ENDPOINTS];
  return field ? cluster[field] : null;
}

/** Addresses that the cluster's API server knows of; asked only on request, since it looks through the cluster. */
function Suggested({ cluster }: { cluster: Cluster }) {
  const [asked, setAsked] = useState(false);
  const found = useQuery({
    queryKey: ["suggestions", cluster.id],
    queryFn: ({ signal }) => call<Suggestions>(`clusters/${cluster.id}/suggestions`, { signal }),
    enabled: asked,
    retry: false,
  });
  if (!asked)
    return (
      <p className="border-t border-line px-3 py-2">
        <button type="button" className="link" onClick={() => setAsked(true)}>
          Look for endpoints through its API server
        </button>
      </p>
    );
  return (
    <div className="space-y-1 border-t border-line px-3 py-2" aria-live="polite">
      <QueryFailure what="Looking for endpoints" query={found} />
      {found.isPending ? <p className="text-muted">Looking…</p> : null}
      {found.data?.problem ? <p className="text-high">{found.data.problem}</p> : null}
      {found.data?.suggestions.map((one) => (
        <p key={`${one.kind} ${one.url}`}>
          <span className="font-medium">{endpointName(one.kind)}</span> <span className="font-mono break-all">{one.url}</span>{" "}
          <span className="text-muted">
            {one.source}
            {one.sure ? "" : ", a guess"}
            {one.note ? ` · ${one.note}` : ""}
          </span>
        </p>
      ))}
      {found.data && !found.data.suggestions.length && !found.data.problem ? <p className="text-muted">Nothing was found.</p> : null}
      {found.data?.suggestions.length ? (
        <Link to="/fleet/$clusterId/edit" params={{ clusterId: cluster.id }} className="link">
          Enter them
        </Link>
      ) : null}
    </div>
  );
}
