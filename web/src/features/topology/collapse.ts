import type { TopologyGraph } from "../../api/topology";
import { plural } from "../../lib/format";
import { type Box, type Tie, boxOf, kindOf, tiesOf } from "./words";

const FEW = 30;
const ALIKE_AT_LEAST = 3;
const MARK = "group:";

export const isGroup = (id: string): boolean => id.startsWith(MARK);

/**
 * Boxes and ties of a graph. Where it is large, healthy nodes of one kind that need, and are needed by, the very same
 * others are drawn as one box, unless it is among those `opened`.
 */
export function collapsed(graph: TopologyGraph, chosen: string | undefined, opened: ReadonlySet<string>): { boxes: Box[]; ties: Tie[] } {
  const ties = tiesOf(graph);
  if (graph.nodes.length <= FEW) return { boxes: graph.nodes.map(({ node }) => boxOf(node)), ties };
  const beside = new Map<string, string[]>();
  for (const { source, target } of ties) {
    beside.set(source, [...(beside.get(source) ?? []), `>${target}`]);
    beside.set(target, [...(beside.get(target) ?? []), `<${source}`]);
  }
  const alike = new Map<string, TopologyGraph["nodes"]>();
  for (const placed of graph.nodes) {
    const { node } = placed;
    if (node.trouble || node.id === chosen) continue;
    const key = `${MARK}${node.kind} ${(beside.get(node.id) ?? []).toSorted().join(" ")}`;
    alike.set(key, [...(alike.get(key) ?? []), placed]);
  }
  const into = new Map<string, string>();
  const groups: Box[] = [];
  for (const [key, members] of alike) {
    if (members.length < ALIKE_AT_LEAST || opened.has(key)) continue;
    for (const { node } of members) into.set(node.id, key);
    groups.push(groupOf(key, members));
  }
  const merged = new Map<string, Tie>();
  for (const tie of ties) {
    const source = into.get(tie.source) ?? tie.source;
    const target = into.get(tie.target) ?? tie.target;
    if (source !== target) merged.set(`${source} ${target}`, { ...tie, source, target });
  }
  const single = graph.nodes.filter(({ node }) => !into.has(node.id)).map(({ node }) => boxOf(node));
  return { boxes: [...single, ...groups], ties: [...merged.values()] };
}

function groupOf(key: string, members: TopologyGraph["nodes"]): Box {
  const kind = members[0]?.node.kind ?? "";
  const spaces = [...new Set(members.map(({ node }) => node.namespace).filter(Boolean))];
  const where = spaces.length > 2 ? plural(spaces.length, "namespace") : spaces.join(", ");
  return { id: key, title: `${members.length} ${kindOf(kind, true).toLowerCase()}`, note: where || "open to see each" };
}
