import type { TopologyOrigin } from "../../api/topology";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";

/** Who tells of the topology: of one cluster each look with its notes, of many what they come to. */
export function Origins({ origins, clusterId }: { origins: TopologyOrigin[]; clusterId: string | undefined }) {
  const shown = origins.filter((one) => !clusterId || !one.cluster_id || one.cluster_id === clusterId);
  if (!shown.length) return <p className="px-3 py-2 text-muted">Nobody yet.</p>;
  const names = [...new Set(shown.map(({ origin }) => origin))];
  return (
    <ul>
      {names.map((name) => (
        <li key={name} className="border-b border-line px-3 py-1.5 last:border-0">
          <Origin name={name} looks={shown.filter(({ origin }) => origin === name)} />
        </li>
      ))}
    </ul>
  );
}

function Origin({ name, looks }: { name: string; looks: TopologyOrigin[] }) {
  const now = useNow();
  const nodes = looks.reduce((sum, one) => sum + one.nodes, 0);
  const edges = looks.reduce((sum, one) => sum + one.edges, 0);
  const oldest = looks.flatMap(({ looked_at }) => looked_at ?? []).toSorted()[0];
  const failed = looks.filter(({ error }) => error);
  const notes = new Map<string, string[]>();
  for (const { notes: told, cluster } of looks)
    for (const note of told) notes.set(note, [...(notes.get(note) ?? []), ...(cluster ? [cluster] : [])]);
  return (
    <>
      <div className="flex flex-wrap gap-x-2">
        <span className="font-mono">{name}</span>
        <span className="ml-auto text-muted">{oldest ? ago(oldest, now) : "not yet"}</span>
      </div>
      {nodes ? (
        <p className="text-meta text-muted">
          {plural(nodes, "node")}, {plural(edges, "edge")}
          {looks.length > 1 ? ` in ${looks.length} clusters` : ""}
        </p>
      ) : null}
      {failed.slice(0, 3).map(({ cluster, error }) => (
        <p key={cluster} className="text-meta text-high">
          The last look at {cluster} failed: {error}
        </p>
      ))}
      {[...notes].map(([note, clusters]) => (
        <p key={note} className="text-meta text-muted">
          {looks.length > 1 ? `${clusters.slice(0, 3).join(", ")}${clusters.length > 3 ? ` and ${clusters.length - 3} more` : ""}: ` : ""}
          {note}
        </p>
      ))}
    </>
  );
}
