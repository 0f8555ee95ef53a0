import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type Gpu, type GpuNode, type GpuProcess, gpuNodes, gpuProcesses, gpuSummary } from "../../api/devices";
import { clusters } from "../../api/queries";
import { formatValue, plural } from "../../lib/format";
import { useLive } from "../../shell/store";
import { type Column, DataTable } from "../../ui/DataTable";
import { Meter } from "../../ui/Meter";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SearchField } from "../../ui/filters";
import { Page, PageHead } from "../../ui/page";
import { ClusterPicker } from "../metrics/ClusterPicker";
import { Completeness } from "../metrics/Completeness";
import { Totals } from "./Totals";

interface Device extends Gpu {
  cluster_id: string;
  cluster: string;
  node: string;
  at: number;
}

export function GpuPage() {
  const search = useSearch({ from: "/shell/gpu" });
  const navigate = useNavigate({ from: "/gpu" });
  const { paused } = useLive();
  const fleet = useQuery(clusters);
  const summary = useQuery(gpuSummary(search.clusters, !paused));
  const nodes = useQuery(gpuNodes(search.clusters, !paused));
  const words = (search.q ?? "").toLowerCase();
  const found = flat(nodes.data?.items ?? []);
  const shown = found.filter((one) => textOf(one).includes(words));
  return (
    <Page>
      <PageHead title="GPUs">
        <SearchField
          label="Find a GPU"
          value={search.q}
          onChange={(q) => void navigate({ search: (old) => ({ ...old, q }), replace: true })}
        />
        <ClusterPicker
          clusters={fleet.data ?? []}
          chosen={search.clusters ?? []}
          onChange={(chosen) => void navigate({ search: (old) => ({ ...old, clusters: chosen.length ? chosen : undefined }) })}
        />
      </PageHead>
      <div className="space-y-3">
        <QueryFailure what="Summing up the GPUs" query={summary} />
        <QueryFailure what="Reading the GPUs" query={nodes} />
        {nodes.data ? <Completeness outcomes={nodes.data.clusters} updatedAt={nodes.dataUpdatedAt} /> : null}
        {summary.data?.totals.gpus ? <Totals totals={summary.data.totals} /> : null}
        <div className="panel">
          {nodes.isPending ? <Skeleton rows={6} /> : null}
          {shown.length ? (
            <DataTable label="GPUs" rows={shown} columns={COLUMNS} rowKey={keyOf} first="In use" />
          ) : nodes.data ? (
            <Empty title={found.length ? `No GPU matches “${search.q}”` : "No GPUs are told of"}>
              {found.length ? null : "They come from the metrics of NVIDIA’s DCGM exporter; no cluster that answered has them."}
            </Empty>
          ) : null}
        </div>
        {found.length ? <Processes clusterIds={search.clusters} words={words} /> : null}
      </div>
    </Page>
  );
}

function flat(nodes: GpuNode[]): Device[] {
  return nodes.flatMap(({ gpus, cluster_id, cluster, node }) => gpus.map((gpu, at) => ({ ...gpu, cluster_id, cluster, node, at })));
}

function keyOf({ cluster_id, node, at }: Device): string {
  return `${cluster_id} ${node} ${at}`;
}

function textOf({ cluster, node, name, uuid, users = [] }: Device): string {
  return [cluster, node, name, uuid, ...users.map(({ namespace, pod }) => `${namespace}/${pod}`)].join(" ").toLowerCase();
}

function memoryShare({ memory_used_bytes: used, memory_total_bytes: total, memory_utilization_percent: told }: Device) {
  return used !== null && used !== undefined && total ? (100 * used) / total : told;
}

const COLUMNS: Column<Device>[] = [
  {
    name: "Cluster",
    by: ({ cluster }) => cluster,
    cell: ({ cluster_id, cluster }) => (
      <Link to="/fleet/$clusterId" params={{ clusterId: cluster_id }} className="link font-mono">
        {cluster}
      </Link>
    ),
  },
  { name: "Node", by: ({ node }) => node, cell: ({ node }) => <span className="font-mono">{node}</span> },
  {
    name: "GPU",
    by: ({ index, at }) => Number(index ?? at),
    cell: ({ index, name, partitions, uuid }) => (
      <span title={uuid ?? undefined}>
        {index ?? "?"} <span className="text-muted">{name}</span>
        {partitions ? <span className="text-muted">, {plural(partitions, "partition")}</span> : null}
      </span>
    ),
  },
  {
    name: "In use",
    by: ({ utilization_percent }) => utilization_percent,
    cell: ({ utilization_percent }) => <Meter percent={utilization_percent} label="In use" />,
  },
  {
    name: "Memory",
    by: memoryShare,
    cell: (gpu) => <Meter percent={memoryShare(gpu)} label="Memory" text={formatValue(gpu.memory_used_bytes, "bytes")} />,
  },
  {
    name: "Heat",
    by: ({ temperature_celsius }) => temperature_celsius,
    cell: ({ temperature_celsius: heat }) => (
      <span className={heat !== null && heat !== undefined && heat >= 85 ? "font-medium text-high" : ""}>{formatValue(heat, "°C")}</span>
    ),
    right: true,
  },
  {
    name: "Power",
    by: ({ power_watts }) => power_watts,
    cell: ({ power_watts, power_limit_watts }) =>
      `${formatValue(power_watts, "W")}${power_limit_watts ? ` of ${formatValue(power_limit_watts, "")}` : ""}`,
    right: true,
  },
  {
    name: "Last fault",
    by: ({ last_xid }) => last_xid,
    cell: ({ last_xid }) => (last_xid ? <span className="text-high">XID {last_xid}</span> : <span className="text-muted">{last_xid === 0 ? "none" : "–"}</span>),
    wide: true,
  },
  {
    name: "Used by",
    by: ({ users = [] }) => users.map(({ pod }) => pod).join(" "),
    cell: ({ users = [] }) =>
      users.length ? (
        users.map((user) => (
          <span key={`${user.namespace} ${user.pod} ${user.container}`} className="block font-mono text-meta break-all">
            {user.namespace}/{user.pod}
          </span>
        ))
      ) : (
        <span className="text-muted">nobody told</span>
      ),
    wide: true,
  },
];

function Processes({ clusterIds, words }: { clusterIds: string[] | undefined; words: string }) {
  const { paused } = useLive();
  const processes = useQuery(gpuProcesses(clusterIds, !paused));
  const shown = processes.data?.items.filter((one) => `${one.cluster} ${one.node} ${one.namespace}/${one.pod}`.toLowerCase().includes(words));
  return (
    <section aria-label="Who uses them" className="panel">
      <h2 className="px-3 py-2 font-semibold">
        Who uses them <span className="font-normal text-muted">{processes.data?.note}</span>
      </h2>
      <QueryFailure what="Reading who uses them" query={processes} />
      {shown?.length ? <DataTable label="Who uses the GPUs" rows={shown} columns={USERS} rowKey={userKey} first="In use" /> : null}
      {shown?.length === 0 ? <p className="px-3 pb-3 text-muted">Nobody is told of.</p> : null}
    </section>
  );
}

function userKey(one: GpuProcess): string {
  return [one.cluster_id, one.node, one.gpu_uuid ?? one.gpu_index, one.namespace, one.pod, one.container, one.pid].join(" ");
}

const USERS: Column<GpuProcess>[] = [
  { name: "Pod", by: ({ namespace, pod }) => `${namespace}/${pod}`, cell: ({ namespace, pod }) => <span className="font-mono">{namespace}/{pod}</span> },
  { name: "Container", by: ({ container }) => container, wide: true },
  { name: "Cluster", by: ({ cluster }) => cluster },
  { name: "Node", by: ({ node }) => node },
  { name: "GPU", by: ({ gpu_index }) => gpu_index },
  { name: "In use", by: ({ gpu_utilization_percent }) => gpu_utilization_percent, cell: ({ gpu_utilization_percent: share }) => <Meter percent={share} label="In use" /> },
  { name: "Memory", by: ({ gpu_memory_used_bytes }) => gpu_memory_used_bytes, cell: ({ gpu_memory_used_bytes: used }) => formatValue(used, "bytes"), right: true },
];
