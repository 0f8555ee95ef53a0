import { Link } from "@tanstack/react-router";
import { type KeyboardEvent, useRef } from "react";
import type { ClusterState } from "../../api/types";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { StateShape } from "../../ui/marks";
import { type Tile, type TileGroup, isUnwell, neighbour } from "./grid";

interface Props {
  groups: TileGroup[];
  onlyUnwell: boolean;
  onOnlyUnwell: (only: boolean) => void;
}

/** What must be looked at comes first and says why; the rest stands small below it. */
export function FleetTiles({ groups, onlyUnwell, onOnlyUnwell }: Props) {
  const area = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    if (!event.key.startsWith("Arrow") || !area.current) return;
    const tiles = [...area.current.querySelectorAll<HTMLElement>("[data-row]")];
    const at = tiles.findIndex((tile) => tile === document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    tiles[neighbour(tiles.map((tile) => tile.getBoundingClientRect()), at, event.key)]?.focus();
  };
  const well = groups.reduce((sum, { tiles, unwell }) => sum + tiles.length - unwell, 0);
  return (
    <div ref={area} onKeyDown={move} className="space-y-4">
      {groups.map((group) => (
        <Group key={group.name} group={group} onlyUnwell={onlyUnwell} />
      ))}
      {well > 24 || onlyUnwell ? (
        <button type="button" className="button h-7" aria-pressed={onlyUnwell} onClick={() => onOnlyUnwell(!onlyUnwell)}>
          {onlyUnwell ? `Show the ${plural(well, "cluster")} that fare well` : "Show only what needs a look"}
        </button>
      ) : null}
    </div>
  );
}

function Group({ group, onlyUnwell }: { group: TileGroup; onlyUnwell: boolean }) {
  const unwell = group.tiles.filter(isUnwell);
  const well = onlyUnwell ? [] : group.tiles.filter((tile) => !isUnwell(tile));
  return (
    <section aria-label={group.name || "Clusters"}>
      {group.name ? (
        <h2 className="mb-1.5 flex items-baseline gap-2 font-semibold">
          {group.name}
          <span className="text-meta font-normal text-muted">
            {plural(group.tiles.length, "cluster")}
            {group.unwell ? `, ${group.unwell} to look at` : ""}
          </span>
        </h2>
      ) : null}
      {unwell.length ? (
        <ul className="grid grid-cols-[repeat(auto-fill,minmax(230px,1fr))] gap-2">
          {unwell.map((tile) => (
            <UnwellTile key={tile.cluster.id} tile={tile} />
          ))}
        </ul>
      ) : null}
      {well.length ? (
        <ul className={`grid grid-cols-[repeat(auto-fill,minmax(168px,1fr))] gap-1 ${unwell.length ? "mt-2" : ""}`}>
          {well.map((tile) => (
            <WellTile key={tile.cluster.id} tile={tile} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

const EDGES: Record<ClusterState, string> = {
  OFFLINE: "border-l-critical",
  DEGRADED: "border-l-high",
  UNKNOWN: "border-l-control",
  PROVISIONING: "border-l-low",
  ONLINE: "border-l-medium",
};

function UnwellTile({ tile: { cluster, incidents, troubles } }: { tile: Tile }) {
  const now = useNow();
  const { state, health_score: health } = cluster.status;
  const seen = state === "ONLINE" ? "" : cluster.last_seen_at ? `seen ${ago(cluster.last_seen_at, now)}` : "never seen";
  return (
    <li className="min-w-0">
      <Link
        data-row
        to="/fleet/$clusterId"
        params={{ clusterId: cluster.id }}
        className={`panel block border-l-4 px-2 py-1.5 hover:bg-raised ${EDGES[state]}`}
        title={[cluster.name, ...troubles].join("\n")}
      >
        <span className="flex items-center gap-1.5">
          <StateShape state={state} />
          <Name name={cluster.name} strong />
          <span className="ml-auto text-meta text-muted">{health === null ? "" : health}</span>
        </span>
        <span className="mt-0.5 block truncate text-meta">{troubles[0]}</span>
        <span className="flex gap-2 text-meta text-muted">
          <span className="truncate">{seen || cluster.region}</span>
          {incidents && troubles.length > 1 ? (
            <span className="ml-auto whitespace-nowrap text-critical">{plural(incidents, "incident")}</span>
          ) : null}
        </span>
      </Link>
    </li>
  );
}

const TAIL = 10;

/** Names of a fleet differ at their end: where there is no room, the middle goes. */
function Name({ name, strong = false }: { name: string; strong?: boolean }) {
  return (
    <span className={`flex min-w-0 font-mono ${strong ? "font-medium" : ""}`}>
      <span className="sr-only">{name}</span>
      <span aria-hidden="true" className="truncate">
        {name.slice(0, -TAIL)}
      </span>
      <span aria-hidden="true" className="whitespace-pre">
        {name.slice(-TAIL)}
      </span>
    </span>
  );
}

function WellTile({ tile: { cluster } }: { tile: Tile }) {
  const { state, health_score: health } = cluster.status;
  return (
    <li className="min-w-0">
      <Link
        data-row
        to="/fleet/$clusterId"
        params={{ clusterId: cluster.id }}
        className="flex h-7 items-center gap-1.5 rounded border border-line bg-panel px-2 text-meta hover:bg-raised"
        title={cluster.display_name === cluster.name ? cluster.name : `${cluster.name}: ${cluster.display_name}`}
      >
        <StateShape state={state} />
        <Name name={cluster.name} />
        {health !== null && health < 100 ? <span className="ml-auto text-muted">{health}</span> : null}
      </Link>
    </li>
  );
}
