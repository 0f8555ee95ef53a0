import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { clusters } from "../../api/queries";
import { type TopologyGroup, type TopologyOrigin, type Way, topologyAround, topologyFar, topologyOrigins } from "../../api/topology";
import { plural } from "../../lib/format";
import type { TopologySearch } from "../../router/search";
import { useLive } from "../../shell/store";
import { Empty, QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { FilterSelect, SearchField } from "../../ui/filters";
import { PageHead } from "../../ui/page";
import { Graph } from "./Graph";
import { NodePanel } from "./NodePanel";
import { NodeRows } from "./NodeRows";
import { Origins } from "./Origins";
import { collapsed, isGroup } from "./collapse";
import { KIND_NAMES, groupBox } from "./words";

const DEPTHS = ["1", "2", "3", "4"];
const WAYS = new Map([
  ["NEEDS", "What it needs"],
  ["NEEDED_BY", "What needs it"],
]);

export function TopologyPage() {
  const search: TopologySearch = useSearch({ from: "/shell/topology" });
  const navigate = useNavigate({ from: "/topology" });
  const fleet = useQuery(clusters);
  const names = useMemo(() => new Map(fleet.data?.map(({ id, name }) => [id, name])), [fleet.data]);
  // Typing goes in place, steps into the graph can be taken back.
  const set = (part: Partial<TopologySearch>, replace = false) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace });
  // A search begins anywhere: what a cluster hangs on is of no cluster. It may be narrowed then.
  const searchFor = (q: string | undefined) =>
    set(q && !search.q ? { q, node: undefined, cluster: undefined, namespace: undefined, kind: undefined } : { q, node: undefined }, true);
  const listing = Boolean(search.q || search.kind || search.namespace);
  return (
    <div className="flex h-full flex-col p-3 md:p-4">
      <PageHead title="Topology" note={<Where search={search} names={names} />}>
        <SearchField label="Find a node" value={search.q} onChange={searchFor} />
        {search.node ? (
          <>
            <FilterSelect label="Direction" value={search.way} options={[...WAYS.keys()]} names={WAYS} onChange={(way) => set({ way: way as Way | undefined })} />
            <label className="flex items-center gap-1.5">
              <span className="text-muted">Depth</span>
              <select
                className="field w-auto"
                value={search.depth ?? 2}
                onChange={(event) => set({ depth: Number(event.target.value) })}
              >
                {DEPTHS.map((depth) => (
                  <option key={depth}>{depth}</option>
                ))}
              </select>
            </label>
          </>
        ) : (
          <>
            <FilterSelect label="Cluster" value={search.cluster} options={[...names.keys()]} names={names} onChange={(cluster) => set({ cluster, namespace: undefined })} />
            <FilterSelect label="Kind" value={search.kind} options={[...KIND_NAMES.keys()]} names={KIND_NAMES} onChange={(kind) => set({ kind })} />
          </>
        )}
      </PageHead>
      {search.node ? (
        <Around id={search.node} depth={search.depth ?? 2} way={search.way ?? "BOTH"} onOpen={(node) => set({ node })} />
      ) : listing ? (
        <div className="panel min-h-0 flex-1 overflow-y-auto">
          <NodeRows
            filters={{ search: search.q, kind: search.kind, cluster_id: search.cluster, namespace: search.namespace }}
            empty="No node is named so"
          />
        </div>
      ) : (
        <Far clusterId={search.cluster} onOpen={set} />
      )}
    </div>
  );
}

/** Where one stands, each step a way back. */
function Where({ search, names }: { search: TopologySearch; names: Map<string, string> }) {
  const { cluster, namespace, kind, q, node } = search;
  if (!cluster && !namespace && !kind && !q && !node) return null;
  return (
    <nav aria-label="Where" className="flex flex-wrap gap-x-2">
      <Link to="/topology" className="link">
        All
      </Link>
      {cluster ? (
        <>
          <span>›</span>
          <Link to="/topology" search={{ cluster }} className="link">
            {names.get(cluster) ?? "cluster"}
          </Link>
        </>
      ) : null}
      {namespace || kind ? (
        <>
          <span>›</span>
          <Link to="/topology" search={{ cluster, namespace, kind }} className="link">
            {[KIND_NAMES.get(kind ?? ""), namespace].filter(Boolean).join(" of ")}
          </Link>
        </>
      ) : null}
    </nav>
  );
}

interface AroundProps {
  id: string;
  depth: number;
  way: Way;
  onOpen: (id: string) => void;
}

function Around({ id, depth, way, onOpen }: AroundProps) {
  const { paused } = useLive();
  const around = useQuery(topologyAround(id, depth, way, !paused));
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => (around.data ? collapsed(around.data, id, opened) : undefined), [around.data, id, opened]);
  const open = useCallback(
    (box: string) => (isGroup(box) ? setOpened((old) => new Set([...old, box])) : onOpen(box)),
    [onOpen],
  );
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 lg:flex-row">
      <div className="panel flex min-h-80 min-w-0 flex-1 flex-col overflow-hidden">
        <QueryFailure what="Reading what is around it" query={around} />
        {around.data?.more ? (
          <p className="border-b border-line px-3 py-1 text-muted">
            Only the nearest {around.data.nodes.length} are shown: look less deep, or open one of them.
          </p>
        ) : null}
        <div className="min-h-0 flex-1">
          {shown ? (
            <Graph label="What it needs and what needs it" {...shown} chosen={id} onOpen={open} />
          ) : around.isPending ? (
            <SkeletonBlock height={320} />
          ) : null}
        </div>
      </div>
      <aside aria-label="The chosen node" className="panel shrink-0 overflow-y-auto lg:w-80">
        <NodePanel id={id} graph={around.data} />
      </aside>
    </div>
  );
}

interface FarProps {
  clusterId: string | undefined;
  onOpen: (search: Partial<TopologySearch>) => void;
}

function Far({ clusterId, onOpen }: FarProps) {
  const { paused } = useLive();
  const far = useQuery(topologyFar(clusterId, !paused));
  const origins = useQuery(topologyOrigins);
  const boxes = useMemo(() => far.data?.groups.map(groupBox) ?? [], [far.data]);
  const ties = useMemo(() => far.data?.links.map(({ source, target, edges }) => ({ source, target, label: String(edges) })) ?? [], [far.data]);
  if (far.data && !far.data.nodes) return <Nothing clusterId={clusterId} origins={origins.data ?? []} />;
  const open = (key: string) => {
    const group = far.data?.groups.find((one) => one.key === key);
    if (group) onOpen(into(group));
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 lg:flex-row">
      <div className="panel flex min-h-80 min-w-0 flex-1 flex-col overflow-hidden">
        <QueryFailure what="Reading the topology" query={far} />
        {far.data ? (
          <p className="border-b border-line px-3 py-1 text-muted">
            {plural(far.data.nodes, "node")}, {far.data.unhealthy} unhealthy.
            {far.data.left_out ? ` ${plural(far.data.left_out, "smaller group")} not drawn: search finds what is in them.` : ""}
          </p>
        ) : null}
        <div className="min-h-0 flex-1">
          {far.data ? (
            <Graph label="Groups of nodes and what they need of each other" boxes={boxes} ties={ties} onOpen={open} />
          ) : far.isPending ? (
            <SkeletonBlock height={320} />
          ) : null}
        </div>
      </div>
      <aside className="flex shrink-0 flex-col gap-3 overflow-y-auto lg:w-80">
        <section className="panel">
          <h2 className="border-b border-line px-3 py-1.5 font-medium">Unhealthy now</h2>
          <NodeRows filters={{ unhealthy: true, cluster_id: clusterId }} empty="No open alert or anomaly names a node" />
        </section>
        <section className="panel">
          <h2 className="border-b border-line px-3 py-1.5 font-medium">Told by</h2>
          <Origins origins={origins.data ?? []} clusterId={clusterId} />
        </section>
      </aside>
    </div>
  );
}

function into({ cluster_id, namespace, kind }: TopologyGroup): Partial<TopologySearch> {
  return { cluster: cluster_id ?? undefined, namespace: namespace ?? undefined, kind: kind ?? undefined };
}

function Nothing({ clusterId, origins }: { clusterId: string | undefined; origins: TopologyOrigin[] }) {
  return (
    <div className="panel">
      <Empty title={clusterId ? "Nothing is known of this cluster’s topology" : "Nothing is known of what depends on what"}>
        <p>
          The hub reads it from kube-state-metrics, service graphs and traces, within five minutes of adding a cluster. Switches,
          hosts and devices come from a file:
        </p>
        <pre className="mx-auto my-3 w-fit rounded bg-raised px-3 py-2 text-left font-mono text-text">
          {"nodes:\n  - {kind: switch, name: switch-7}\n  - {kind: host, names: [h1, h2], connected_to: switch-7}"}
        </pre>
        <code className="font-mono text-text">aiops topology apply -f topology.yaml</code>
      </Empty>
      {origins.length ? <Origins origins={origins} clusterId={clusterId} /> : null}
    </div>
  );
}
