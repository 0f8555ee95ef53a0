import type { TopologyGraph, TopologyGroup, TopologyNode } from "../../api/topology";
import type { Severity } from "../../api/types";
import { plural } from "../../lib/format";

export interface Box {
  id: string;
  title: string;
  /** What it is, in small. */
  note: string;
  worst?: Severity;
  /** Said with the worst: how much is wrong there. */
  wrong?: string;
  /** What it is for those who look at it here. */
  mark?: string;
}

export interface Tie {
  source: string;
  target: string;
  label?: string;
}

const KINDS: Record<string, [one: string, many: string]> = {
  POD: ["Pod", "Pods"],
  WORKLOAD: ["Workload", "Workloads"],
  SERVICE: ["Service", "Services"],
  DEVICE: ["Device", "Devices"],
  NODE: ["Node", "Nodes"],
  HOST: ["Host", "Hosts"],
  SWITCH: ["Switch", "Switches"],
  ROUTER: ["Router", "Routers"],
  STORAGE: ["Storage", "Storage"],
  SITE: ["Site", "Sites"],
};

export const KIND_NAMES = new Map(Object.entries(KINDS).map(([kind, [, many]]) => [kind, many]));

export function kindOf(kind: string, many = false): string {
  return KINDS[kind]?.[many ? 1 : 0] ?? kind;
}

/** `Deployment in shop, prod-1`. */
export function whatIs({ kind, namespace, cluster, attributes }: TopologyNode): string {
  const what = attributes?.workload_kind ?? kindOf(kind);
  return [namespace ? `${what} in ${namespace}` : what, cluster].filter(Boolean).join(", ");
}

export function wayOf(kind: string): string {
  return kind.toLowerCase().replaceAll("_", " ");
}

export function boxOf(node: TopologyNode): Box {
  const { trouble } = node;
  const more = trouble && trouble.signs > 1 ? ` +${trouble.signs - 1}` : "";
  return {
    id: node.id,
    title: node.name,
    note: whatIs(node),
    worst: trouble?.severity,
    wrong: trouble ? `${trouble.names[0] ?? plural(trouble.signs, "open sign")}${more}` : undefined,
  };
}

/** One tie for a pair of nodes, in whatever ways they hang together. */
export function tiesOf({ edges }: TopologyGraph): Tie[] {
  const ways = new Map<string, Tie>();
  for (const { source, target, kind } of edges) {
    const key = `${source} ${target}`;
    const before = ways.get(key)?.label;
    ways.set(key, { source, target, label: before ? `${before}, ${wayOf(kind)}` : wayOf(kind) });
  }
  return [...ways.values()];
}

/** A cluster by its name; within one, the kind, and the namespace in small. */
export function groupBox(group: TopologyGroup): Box {
  const inside = group.kind !== null && group.kind !== undefined;
  const what = inside ? kindOf(group.kind ?? "", true) : (group.cluster ?? "A cluster");
  const where = group.namespace ?? (inside && !group.cluster_id ? "of no one cluster" : "");
  return {
    id: group.key,
    title: what,
    note: [inside ? String(group.nodes) : plural(group.nodes, "node"), where].filter(Boolean).join(" · "),
    worst: group.worst ?? undefined,
    wrong: group.unhealthy ? `${group.unhealthy} of ${group.nodes} unhealthy` : undefined,
  };
}
