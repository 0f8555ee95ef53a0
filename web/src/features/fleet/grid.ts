import type { Cluster, ClusterState } from "../../api/types";
import { plural, sentence } from "../../lib/format";

/** The worst first. */
export const STATES: ClusterState[] = ["OFFLINE", "DEGRADED", "UNKNOWN", "PROVISIONING", "ONLINE"];

export const GROUPS = ["region", "environment", "cluster_type", "platform"] as const;
export const SORTS = ["worst", "name", "seen"] as const;
export const ABILITIES = {
  gpu: "GPUs",
  cnf: "network functions",
  mesh: "a service mesh",
  thanos: "Thanos",
  loki: "Loki",
  tempo: "Tempo",
} as const;

export type Sort = (typeof SORTS)[number];
export type Ability = keyof typeof ABILITIES;

/** What the page's address says of the fleet: everything that is left out is not narrowed. */
export interface FleetSearch {
  view?: "table";
  group?: string;
  sort?: Sort;
  state?: string;
  environment?: string;
  type?: string;
  region?: string;
  label?: string;
  can?: Ability;
  q?: string;
}

/** A cluster as the grid shows it. */
export interface Tile {
  cluster: Cluster;
  /** Open incidents. */
  incidents: number;
  /** What is wrong, the gravest first; empty where nothing is. */
  troubles: string[];
}

export interface TileGroup {
  name: string;
  tiles: Tile[];
  unwell: number;
}

const ENDPOINT_NAMES: Record<string, string> = { API_SERVER: "API server", ALERTMANAGER_PEER: "Second Alertmanager" };

/** `API server`, `Prometheus`, whichever way the kind is written. */
export function endpointName(kind: string): string {
  return ENDPOINT_NAMES[kind.toUpperCase()] ?? sentence(kind);
}

export function tileOf(cluster: Cluster, incidents: number): Tile {
  const { endpoints, warnings = [], state } = cluster.status;
  const failing = Object.entries(endpoints).filter(([, endpoint]) => !endpoint.ok);
  const several = Object.keys(endpoints).length > 1;
  const troubles = failing.map(([kind, { error }]) => {
    const what = error ?? "It does not answer.";
    return several ? `${endpointName(kind)}: ${what}` : what;
  });
  if (!troubles.length && state !== "ONLINE") troubles.push(WHY[state] ?? sentence(state));
  if (incidents) troubles.push(plural(incidents, "open incident"));
  return { cluster, incidents, troubles: [...troubles, ...warnings] };
}

const WHY: Partial<Record<ClusterState, string>> = {
  UNKNOWN: "Not probed yet",
  PROVISIONING: "Waiting for its first samples",
  DEGRADED: "Answers only now and then",
  OFFLINE: "Nothing answers there",
};

/** Whether somebody should look at it. */
export function isUnwell({ cluster, troubles }: Tile): boolean {
  return cluster.status.state !== "ONLINE" || troubles.length > 0;
}

function rank({ status: { state } }: Cluster): number {
  return STATES.indexOf(state);
}

function byName(a: Tile, b: Tile): number {
  return a.cluster.name.localeCompare(b.cluster.name, "en", { numeric: true });
}

/** By state, then incidents, then health, then name, so that equals never change places. */
function byWorst(a: Tile, b: Tile): number {
  const state = rank(a.cluster) - rank(b.cluster);
  const incidents = b.incidents - a.incidents;
  const health = (a.cluster.status.health_score ?? 101) - (b.cluster.status.health_score ?? 101);
  const troubles = b.troubles.length - a.troubles.length;
  return state || incidents || health || troubles || byName(a, b);
}

function bySeen(a: Tile, b: Tile): number {
  return (a.cluster.last_seen_at ?? "").localeCompare(b.cluster.last_seen_at ?? "") || byName(a, b);
}

const ORDERS: Record<Sort, (a: Tile, b: Tile) => number> = { worst: byWorst, name: byName, seen: bySeen };

export function sorted(tiles: Tile[], sort: Sort = "worst"): Tile[] {
  return tiles.toSorted(ORDERS[sort]);
}

function can({ capabilities, loki_url, tempo_url }: Cluster, ability: Ability): boolean {
  switch (ability) {
    case "gpu":
      return capabilities?.has_gpu_nodes === true;
    case "cnf":
      return capabilities?.has_cnf_workloads === true;
    case "mesh":
      return capabilities?.has_service_mesh === true;
    case "thanos":
      return capabilities?.has_thanos === true;
    case "loki":
      return Boolean(loki_url) || capabilities?.has_loki === true;
    case "tempo":
      return Boolean(tempo_url) || capabilities?.has_tempo === true;
  }
}

function textOf({ name, display_name, environment, region, cluster_type, labels }: Cluster): string {
  const marks = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [name, display_name, environment, region, cluster_type, ...marks].join(" ").toLowerCase();
}

/** The clusters that the address asks for; words of the search must all be there. */
export function matching(tiles: Tile[], search: FleetSearch): Tile[] {
  const words = (search.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const [key = "", value] = search.label?.split(/=(.*)/s) ?? [];
  return tiles.filter(({ cluster }) => {
    if (search.state && cluster.status.state !== search.state) return false;
    if (search.environment && cluster.environment !== search.environment) return false;
    if (search.type && cluster.cluster_type !== search.type) return false;
    if (search.region && (cluster.region ?? "") !== search.region) return false;
    if (search.can && !can(cluster, search.can)) return false;
    if (search.label && cluster.labels[key] !== value) return false;
    const text = words.length ? textOf(cluster) : "";
    return words.every((word) => text.includes(word));
  });
}

/** What a cluster is grouped under: one of its own fields, or `label:team`. */
function placeOf(cluster: Cluster, group: string): string {
  if (group.startsWith("label:")) return cluster.labels[group.slice(6)] ?? `no ${group.slice(6)}`;
  if (group === "region") return cluster.region ?? "No region";
  if (group === "environment") return sentence(cluster.environment);
  if (group === "platform") return sentence(cluster.platform);
  return group === "cluster_type" ? sentence(cluster.cluster_type) : "";
}

/** Groups by name, so that no group moves when a cluster fails; one group where none is asked for. */
export function grouped(tiles: Tile[], group: string | undefined): TileGroup[] {
  const found = Object.entries(Object.groupBy(tiles, ({ cluster }) => (group ? placeOf(cluster, group) : "")));
  return found
    .map(([name, of = []]) => ({ name, tiles: of, unwell: of.filter(isUnwell).length }))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** How many clusters have each value, the most frequent first. */
export function counted(clusters: Cluster[], of: (cluster: Cluster) => string[]): [value: string, count: number][] {
  const counts = new Map<string, number>();
  for (const cluster of clusters) for (const value of of(cluster)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, many], [b, more]) => more - many || a.localeCompare(b));
}

export function labelsOf({ labels }: Cluster): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

/** The element next to `from` in a direction, by where the elements stand; the last in a row leads on to the next row. */
export function neighbour(boxes: DOMRect[], from: number, key: string): number {
  const here = boxes[from];
  if (!here) return 0;
  if (key === "ArrowRight") return Math.min(boxes.length - 1, from + 1);
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  const down = key === "ArrowDown";
  const middle = here.left + here.width / 2;
  let best = from;
  let nearest = Infinity;
  for (const [at, box] of boxes.entries()) {
    const rows = down ? box.top - here.top : here.top - box.top;
    if (rows <= 1) continue;
    // A row further counts for more than any way aside.
    const distance = rows * 10_000 + Math.abs(box.left + box.width / 2 - middle);
    if (distance < nearest) [nearest, best] = [distance, at];
  }
  return best;
}
