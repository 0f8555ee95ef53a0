import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import {
  type CnfWorkload,
  type DpdkPort,
  type PtpClock,
  type SriovInterface,
  cnfWorkloads,
  dpdkStats,
  ptpStatus,
  sriovStatus,
} from "../../api/devices";
import type { ClusterOutcome } from "../../api/types";
import { formatValue, sentence } from "../../lib/format";
import { useLive } from "../../shell/store";
import { type Column, DataTable } from "../../ui/DataTable";
import { Meter } from "../../ui/Meter";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { AlertStateMark, OutcomeMark } from "../../ui/marks";
import { Completeness } from "../metrics/Completeness";

interface Props {
  clusterIds: string[] | undefined;
  words: string;
}

interface Answer<T> {
  items: T[];
  clusters: ClusterOutcome[];
}

interface Place {
  cluster_id: string;
  cluster: string;
  node: string;
}

/** A list of one kind, with which clusters it lacks, and why it is empty where it is. */
function Listed<T>({
  what,
  query,
  words,
  textOf,
  missing,
  note,
  children,
}: {
  what: string;
  query: UseQueryResult<Answer<T>>;
  words: string;
  textOf: (row: T) => string;
  missing: string;
  note?: ReactNode;
  children: (rows: T[]) => ReactNode;
}) {
  const rows = query.data?.items.filter((row) => textOf(row).toLowerCase().includes(words));
  return (
    <div className="space-y-3">
      <QueryFailure what={`Reading ${what}`} query={query} />
      {query.data ? <Completeness outcomes={query.data.clusters} updatedAt={query.dataUpdatedAt} /> : null}
      {note}
      <div className="panel">
        {query.isPending ? <Skeleton rows={6} /> : null}
        {rows?.length ? (
          children(rows)
        ) : query.data ? (
          <Empty title={query.data.items.length ? "Nothing matches" : `No ${what} are told of`}>
            {query.data.items.length ? null : missing}
          </Empty>
        ) : null}
      </div>
    </div>
  );
}

const place = <T extends Place>(): Column<T>[] => [
  { name: "Cluster", by: ({ cluster }) => cluster, cell: ({ cluster }) => <span className="font-mono">{cluster}</span> },
  { name: "Node", by: ({ node }) => node, cell: ({ node }) => <span className="font-mono">{node}</span> },
];

const CLOCKS: Column<PtpClock>[] = [
  ...place<PtpClock>(),
  { name: "Interface", by: (one) => one.interface },
  {
    name: "State",
    by: ({ state }) => state,
    cell: ({ state }) =>
      state === "LOCKED" ? <OutcomeMark ok words={["Locked", ""]} /> : state === "FREERUN" ? <OutcomeMark ok={false} words={["", "Freerun"]} /> : state ? <AlertStateMark state={state} /> : <span className="text-muted">unknown</span>,
  },
  { name: "Offset", by: ({ offset_ns }) => (offset_ns === null ? null : Math.abs(offset_ns ?? 0)), cell: ({ offset_ns }) => formatValue(offset_ns, "ns"), right: true },
  { name: "At most", by: ({ max_offset_ns }) => max_offset_ns, cell: ({ max_offset_ns }) => formatValue(max_offset_ns, "ns"), right: true },
  { name: "Path delay", by: ({ delay_ns }) => delay_ns, cell: ({ delay_ns }) => formatValue(delay_ns, "ns"), right: true, wide: true },
  { name: "Role", by: ({ role }) => role, cell: ({ role }) => (role ? sentence(role) : "–") },
  { name: "Process", by: ({ process }) => process, wide: true },
  { name: "Class", by: ({ clock_class }) => clock_class, right: true, wide: true },
];

export function Clocks({ clusterIds, words }: Props) {
  const { paused } = useLive();
  const query = useQuery(ptpStatus(clusterIds, !paused));
  const counts = Object.entries(query.data?.counts ?? {}).filter(([, count]) => count);
  return (
    <Listed
      what="PTP clocks"
      query={query}
      words={words}
      textOf={(one) => [one.cluster, one.node, one.interface, one.state, one.role].join(" ")}
      missing="They come from the metrics of linuxptp’s daemon; no cluster that answered has them."
      note={
        query.data?.items.length ? (
          <p className="text-muted">
            {counts.map(([state, count]) => `${count} ${sentence(state).toLowerCase()}`).join(", ")}. {query.data.note}
          </p>
        ) : null
      }
    >
      {(rows) => (
        <DataTable label="PTP clocks" rows={rows} columns={CLOCKS} first="Offset" rowKey={(one) => [one.cluster_id, one.node, one.interface, one.process].join(" ")} />
      )}
    </Listed>
  );
}

const CARDS: Column<SriovInterface>[] = [
  ...place<SriovInterface>(),
  { name: "Interface", by: (one) => one.interface },
  {
    name: "Functions given away",
    by: ({ allocated_vfs, configured_vfs }) => (configured_vfs && typeof allocated_vfs === "number" ? allocated_vfs / configured_vfs : null),
    cell: ({ allocated_vfs, configured_vfs }) => (
      <Meter
        percent={configured_vfs && typeof allocated_vfs === "number" ? (100 * allocated_vfs) / configured_vfs : null}
        label="Virtual functions given away"
        text={`${allocated_vfs ?? "?"} of ${configured_vfs}`}
      />
    ),
  },
  { name: "The card has", by: ({ total_vfs }) => total_vfs, right: true },
  { name: "Speed", by: (one) => one.link_speed_bits_per_s, cell: (one) => formatValue(one.link_speed_bits_per_s, "bit/s"), right: true },
  { name: "Driver", by: ({ driver }) => driver, wide: true },
  { name: "MTU", by: ({ mtu }) => mtu, right: true, wide: true },
];

type Pool = Place & { resource: string; capacity?: number | null; allocatable?: number | null };

const POOLS: Column<Pool>[] = [
  ...place<Pool>(),
  { name: "Resource", by: ({ resource }) => resource, cell: ({ resource }) => <span className="font-mono">{resource}</span> },
  { name: "Capacity", by: ({ capacity }) => capacity, right: true },
  { name: "Can be given", by: ({ allocatable }) => allocatable, right: true },
];

export function Cards({ clusterIds, words }: Props) {
  const { paused } = useLive();
  const query = useQuery(sriovStatus(clusterIds, !paused));
  const pools: Pool[] = query.data?.pools ?? [];
  return (
    <>
      <Listed
        what="SR-IOV cards"
        query={query}
        words={words}
        textOf={(one) => [one.cluster, one.node, one.interface, one.driver].join(" ")}
        missing="They come from the SR-IOV network metrics exporter; no cluster that answered has them."
      >
        {(rows) => (
          <DataTable label="SR-IOV cards" rows={rows} columns={CARDS} first="Functions given away" rowKey={(one) => [one.cluster_id, one.node, one.interface].join(" ")} />
        )}
      </Listed>
      {pools.length ? (
        <section aria-label="Pools" className="panel mt-3">
          <h2 className="px-3 py-2 font-semibold">Pools</h2>
          <DataTable label="Pools" rows={pools} columns={POOLS} rowKey={(one) => [one.cluster_id, one.node, one.resource].join(" ")} />
        </section>
      ) : null}
    </>
  );
}

const rate = (value: number | null | undefined, unit: string) => formatValue(value, unit);
const lost = ({ rx_errors, tx_errors, rx_missed, rx_no_buffer }: DpdkPort) => {
  const known = [rx_errors, tx_errors, rx_missed, rx_no_buffer].filter((one) => typeof one === "number");
  return known.length ? known.reduce((sum, one) => sum + one, 0) : null;
};

const PORTS: Column<DpdkPort>[] = [
  ...place<DpdkPort>(),
  { name: "Port", by: ({ port }) => port },
  { name: "Application", by: ({ application }) => application },
  { name: "In", by: ({ rx_packets }) => rx_packets, cell: ({ rx_packets }) => rate(rx_packets, "packets/s"), right: true },
  { name: "Out", by: ({ tx_packets }) => tx_packets, cell: ({ tx_packets }) => rate(tx_packets, "packets/s"), right: true },
  { name: "Bytes in", by: ({ rx_bytes }) => rx_bytes, cell: ({ rx_bytes }) => rate(rx_bytes, "bytes/s"), right: true, wide: true },
  { name: "Bytes out", by: ({ tx_bytes }) => tx_bytes, cell: ({ tx_bytes }) => rate(tx_bytes, "bytes/s"), right: true, wide: true },
  {
    name: "Lost",
    by: lost,
    cell: (port) => <span className={lost(port) ? "font-medium text-high" : ""}>{rate(lost(port), "packets/s")}</span>,
    right: true,
  },
];

export function Ports({ clusterIds, words }: Props) {
  const { paused } = useLive();
  const query = useQuery(dpdkStats(clusterIds, !paused));
  return (
    <Listed
      what="DPDK ports"
      query={query}
      words={words}
      textOf={(one) => [one.cluster, one.node, one.port, one.application].join(" ")}
      missing="They come from DPDK’s telemetry exporters; no cluster that answered has them."
    >
      {(rows) => (
        <DataTable label="DPDK ports" rows={rows} columns={PORTS} first="Lost" rowKey={(one) => [one.cluster_id, one.node, one.application, one.port].join(" ")} />
      )}
    </Listed>
  );
}

const WORKLOADS: Column<CnfWorkload>[] = [
  { name: "Cluster", by: ({ cluster }) => cluster, cell: ({ cluster }) => <span className="font-mono">{cluster}</span> },
  { name: "Kind", by: ({ cnf_type }) => cnf_type },
  { name: "Namespace", by: ({ namespace }) => namespace, cell: ({ namespace }) => <span className="font-mono">{namespace}</span> },
  {
    name: "Owner",
    by: ({ owner_name }) => owner_name,
    cell: ({ owner_kind, owner_name }) => (owner_name ? `${owner_kind ?? ""} ${owner_name}` : "–"),
  },
  {
    name: "Ready",
    by: ({ ready, pods }) => (typeof ready === "number" ? ready / Math.max(1, pods) : null),
    cell: ({ ready, pods }) => (
      <span className={typeof ready === "number" && ready < pods ? "font-medium text-high" : ""}>
        {ready ?? "?"} of {pods}
      </span>
    ),
    right: true,
  },
  {
    name: "Phases",
    by: ({ phases }) => Object.keys(phases).join(" "),
    cell: ({ phases }) => Object.entries(phases).map(([phase, count]) => `${count} ${phase.toLowerCase()}`).join(", "),
    wide: true,
  },
  { name: "Nodes", by: ({ nodes }) => nodes.length, cell: ({ nodes }) => <span title={nodes.join(", ")}>{nodes.length}</span>, right: true, wide: true },
];

export function Workloads({ clusterIds, words }: Props) {
  const { paused } = useLive();
  const query = useQuery(cnfWorkloads(clusterIds, !paused));
  return (
    <Listed
      what="network functions"
      query={query}
      words={words}
      textOf={(one) => [one.cluster, one.cnf_type, one.namespace, one.owner_name].join(" ")}
      missing="They are found among the pods of kube-state-metrics; no cluster that answered has them."
    >
      {(rows) => (
        <DataTable label="Network functions" rows={rows} columns={WORKLOADS} rowKey={(one) => [one.cluster_id, one.namespace, one.cnf_type, one.owner_kind, one.owner_name].join(" ")} />
      )}
    </Listed>
  );
}
