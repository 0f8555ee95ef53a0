import { describe, expect, it } from "vitest";
import type { TopologyGraph, TopologyNode } from "../../api/topology";
import { collapsed, isGroup } from "./collapse";

const node = (id: string, kind: string, wrong = false) =>
  ({
    node: {
      id, kind, name: id, namespace: "shop", cluster_id: null, cluster: null, attributes: {},
      trouble: wrong ? { severity: "HIGH", signs: 1, names: ["Down"], incidents: [] } : null,
    } as unknown as TopologyNode,
    distance: 1,
  }); // prettier-ignore

function farm(pods: number): TopologyGraph {
  const names = Array.from({ length: pods }, (_, at) => `p${at}`);
  return {
    nodes: [node("n", "NODE"), ...names.map((name) => node(name, "POD", name === "p0"))],
    edges: names.map((name) => ({ source: name, target: "n", kind: "RUNS_ON" as const })),
    more: false,
  };
}

describe("a large graph", () => {
  it("draws what is alike as one box, but never what is unhealthy", () => {
    const { boxes, ties } = collapsed(farm(40), "n", new Set());
    expect(boxes.map(({ title }) => title).toSorted()).toEqual(["39 pods", "n", "p0"]);
    expect(ties).toHaveLength(2);
    expect(boxes.filter(({ id }) => isGroup(id))).toHaveLength(1);
  });

  it("opens a box", () => {
    const group = collapsed(farm(40), "n", new Set()).boxes.find(({ id }) => isGroup(id))?.id ?? "";
    expect(collapsed(farm(40), "n", new Set([group])).boxes).toHaveLength(41);
  });

  it("leaves a small one as it is", () => {
    expect(collapsed(farm(10), "n", new Set()).boxes).toHaveLength(11);
  });
});
