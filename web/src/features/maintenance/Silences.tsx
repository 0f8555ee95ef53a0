import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { type Silence, silences } from "../../api/maintenance";
import { plural, sentence } from "../../lib/format";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { SearchField } from "../../ui/filters";
import { matcherText } from "./terms";

/** The silences of all clusters' Alertmanagers, those that end last first. */
export function Silences({ operator }: { operator: boolean }) {
  const client = useQueryClient();
  const [word, setWord] = useState<string | undefined>();
  const found = useQuery(silences);
  const end = useMutation({
    mutationFn: ({ cluster_id, id }: Silence) => call(`silences/${cluster_id}/${id}`, { method: "DELETE" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["maintenance"] }),
  });
  const sought = word?.toLowerCase() ?? "";
  const items = (found.data?.items ?? []).filter((one) => !sought || wordsOf(one).includes(sought));
  const failed = found.data?.clusters.filter(({ status }) => status !== "SUCCESS") ?? [];
  return (
    <section aria-label="Silences" className="panel overflow-x-auto">
      <div className="flex flex-wrap items-center gap-3 px-3 py-1.5">
        <h2 className="font-semibold">Silences</h2>
        <span className="text-muted">They live in the clusters’ Alertmanagers</span>
        <span className="ml-auto">
          <SearchField label="Find a silence" value={word} onChange={setWord} />
        </span>
      </div>
      <QueryFailure what="Reading the silences" query={found} />
      {end.isError ? <Failure what="Ending the silence" error={end.error} /> : null}
      {failed.length ? (
        <p className="px-3 pb-1.5 text-medium">
          Not known of {plural(failed.length, "cluster")}: {failed.map(({ cluster, error }) => `${cluster} (${error ?? "no answer"})`).join(", ")}
        </p>
      ) : null}
      {found.isPending ? <Skeleton rows={3} /> : null}
      {found.data && items.length === 0 ? (
        <Empty title={sought ? "No silence matches" : "Nothing is silenced"}>
          {found.data.without?.length ? `${plural(found.data.without.length, "cluster")} without an Alertmanager can’t have any.` : "No Alertmanager that answered holds one."}
        </Empty>
      ) : null}
      {items.length ? (
        <table className="table">
          <thead>
            <tr>
              {["Cluster", "What", "State", "Until", "By", "Why"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col">
                <span className="sr-only">Acts</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((one) => (
              <tr key={`${one.cluster_id} ${one.id}`}>
                <td className="font-mono text-meta">{one.cluster}</td>
                <td className="font-mono text-meta">
                  {one.matchers.map(matcherText).join(", ")}
                  {one.shared ? <p className="text-medium">also holds for other clusters of this Alertmanager</p> : null}
                </td>
                <td>{sentence(one.state)}</td>
                <td className="whitespace-nowrap">{new Date(one.ends_at).toLocaleString()}</td>
                <td>{one.created_by || "nobody named"}</td>
                <td>{one.comment}</td>
                <td className="text-right">
                  {operator ? (
                    <button type="button" className="button h-7" disabled={end.isPending} onClick={() => end.mutate(one)}>
                      End now
                    </button>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </section>
  );
}

function wordsOf(one: Silence): string {
  return [one.cluster, one.created_by, one.comment, ...one.matchers.map(matcherText)].join(" ").toLowerCase();
}
