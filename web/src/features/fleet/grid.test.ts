import { expect, test } from "vitest";
import type { Cluster } from "../../api/types";
import { counted, grouped, isUnwell, labelsOf, matching, neighbour, sorted, tileOf } from "./grid";

function cluster(name: string, more: Partial<Cluster> = {}, status: Partial<Cluster["status"]> = {}): Cluster {
  return {
    id: name,
    name,
    display_name: name,
    cluster_type: "SPOKE",
    platform: "STANDALONE",
    environment: "PRODUCTION",
    region: "eu",
    labels: {},
    prometheus_url: "http://x",
    created_at: "",
    updated_at: "",
    last_seen_at: null,
    ...more,
    status: { state: "ONLINE", connectivity: "CONNECTED", health_score: 100, endpoints: {}, checked_at: null, ...status },
  };
}

const down = { PROMETHEUS: { ok: false, checked_at: "", error: "refused" } };
const names = (tiles: { cluster: Cluster }[]) => tiles.map((tile) => tile.cluster.name);

test("the worst comes first: by state, incidents, health, then name", () => {
  const tiles = [
    tileOf(cluster("a10"), 0),
    tileOf(cluster("a9"), 0),
    tileOf(cluster("weak", {}, { health_score: 60 }), 0),
    tileOf(cluster("burning"), 2),
    tileOf(cluster("slow", {}, { state: "DEGRADED" }), 0),
    tileOf(cluster("gone", {}, { state: "OFFLINE", endpoints: down }), 0),
  ];
  expect(names(sorted(tiles))).toEqual(["gone", "slow", "burning", "weak", "a9", "a10"]);
  expect(names(sorted(tiles, "name"))[0]).toBe("a9");
});

test("a tile says what is wrong, and is well where nothing is", () => {
  expect(tileOf(cluster("a", {}, { state: "OFFLINE", endpoints: down }), 1).troubles).toEqual([
    "refused",
    "1 open incident",
  ]);
  const both = { ...down, LOKI: { ok: true, checked_at: "" } };
  expect(tileOf(cluster("a", {}, { endpoints: both }), 0).troubles).toEqual(["Prometheus: refused"]);
  expect(tileOf(cluster("a", {}, { state: "UNKNOWN" }), 0).troubles).toEqual(["Not probed yet"]);
  expect(isUnwell(tileOf(cluster("a"), 0))).toBe(false);
  expect(isUnwell(tileOf(cluster("a", {}, { warnings: ["Credentials expire tomorrow"] }), 0))).toBe(true);
});

test("the address narrows by state, label, ability and every word of the search", () => {
  const tiles = [
    tileOf(cluster("eu-1", { labels: { team: "ran", url: "a=b" } }), 0),
    tileOf(cluster("eu-2", { labels: { team: "core" }, loki_url: "http://loki" }), 0),
    tileOf(cluster("us-1", { region: "us" }, { state: "OFFLINE" }), 0),
  ];
  expect(names(matching(tiles, { state: "OFFLINE" }))).toEqual(["us-1"]);
  expect(names(matching(tiles, { label: "team=ran" }))).toEqual(["eu-1"]);
  expect(names(matching(tiles, { label: "url=a=b" }))).toEqual(["eu-1"]);
  expect(names(matching(tiles, { can: "loki" }))).toEqual(["eu-2"]);
  expect(names(matching(tiles, { q: "eu TEAM=core" }))).toEqual(["eu-2"]);
  expect(matching(tiles, {})).toHaveLength(3);
});

test("groups keep their places by name and count what needs a look", () => {
  const tiles = [
    tileOf(cluster("b", { region: "us" }, { state: "OFFLINE" }), 0),
    tileOf(cluster("a", { labels: { team: "ran" } }), 0),
    tileOf(cluster("c", { region: null }), 0),
  ];
  const of = (group?: string) => grouped(tiles, group).map((one) => [one.name, one.tiles.length, one.unwell]);
  expect(of("region")).toEqual([["eu", 1, 0], ["No region", 1, 0], ["us", 1, 1]]);
  expect(of("label:team")).toEqual([["no team", 2, 1], ["ran", 1, 0]]);
  expect(of()).toEqual([["", 3, 1]]);
});

test("values are offered by how many clusters have them", () => {
  const all = [cluster("a", { labels: { team: "ran" } }), cluster("b", { labels: { team: "ran", x: "1" } })];
  expect(counted(all, labelsOf)).toEqual([["team=ran", 2], ["x=1", 1]]);
});

test("arrow keys go to what stands beside, above and below", () => {
  const box = (left: number, top: number) => ({ left, top, width: 100, height: 30 }) as DOMRect;
  // Two rows of three, then one that is wider.
  const boxes = [box(0, 0), box(110, 0), box(220, 0), box(0, 40), box(110, 40), { ...box(0, 80), width: 200 } as DOMRect];
  expect(neighbour(boxes, 1, "ArrowDown")).toBe(4);
  expect(neighbour(boxes, 2, "ArrowDown")).toBe(4);
  expect(neighbour(boxes, 4, "ArrowDown")).toBe(5);
  expect(neighbour(boxes, 5, "ArrowUp")).toBe(3);
  expect(neighbour(boxes, 2, "ArrowRight")).toBe(3);
  expect(neighbour(boxes, 0, "ArrowLeft")).toBe(0);
  expect(neighbour(boxes, 5, "ArrowDown")).toBe(5);
});
