import { Link } from "@tanstack/react-router";
import { Fragment } from "react";
import { formatValue, plural, sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { StateMark } from "../../ui/marks";
import type { Tile, TileGroup } from "./grid";

export function FleetTable({ groups }: { groups: TileGroup[] }) {
  return (
    <div className="panel overflow-x-auto">
      <table className="table" aria-label="Clusters">
        <thead>
          <tr>
            <th scope="col">Cluster</th>
            <th scope="col">State</th>
            <th scope="col" className="text-right">
              Health
            </th>
            <th scope="col">Incidents</th>
            <th scope="col">Last seen</th>
            <th scope="col" className="max-lg:hidden">
              Region
            </th>
            <th scope="col" className="max-lg:hidden">
              Environment
            </th>
            <th scope="col" className="max-xl:hidden">
              Type
            </th>
            <th scope="col" className="text-right max-lg:hidden">
              Latency
            </th>
            <th scope="col" className="w-1/3 max-md:hidden">
              What is wrong
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <Fragment key={group.name}>
              {group.name ? (
                <tr>
                  <th scope="rowgroup" colSpan={10} className="bg-bg">
                    <span className="font-semibold text-text">{group.name}</span> {plural(group.tiles.length, "cluster")}
                    {group.unwell ? `, ${group.unwell} to look at` : ""}
                  </th>
                </tr>
              ) : null}
              {group.tiles.map((tile) => (
                <Row key={tile.cluster.id} tile={tile} />
              ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ tile: { cluster, incidents, troubles } }: { tile: Tile }) {
  const now = useNow();
  const { state, health_score: health, endpoints } = cluster.status;
  const latencies = Object.values(endpoints).flatMap(({ latency_ms }) => latency_ms ?? []);
  return (
    <tr>
      <td className="whitespace-nowrap">
        <Link data-row to="/fleet/$clusterId" params={{ clusterId: cluster.id }} className="link font-mono">
          {cluster.name}
        </Link>
        {cluster.display_name !== cluster.name ? (
          <span className="ml-2 text-muted max-xl:hidden">{cluster.display_name}</span>
        ) : null}
      </td>
      <td>
        <StateMark state={state} />
      </td>
      <td className="text-right">{health ?? <span className="text-muted">–</span>}</td>
      <td className="whitespace-nowrap">
        {incidents ? (
          <Link to="/incidents" search={{ cluster: cluster.id }} className="font-medium text-critical hover:underline">
            {incidents} open
          </Link>
        ) : (
          <span className="text-muted">none</span>
        )}
      </td>
      <td className="whitespace-nowrap">
        {cluster.last_seen_at ? ago(cluster.last_seen_at, now) : <span className="text-muted">never</span>}
      </td>
      <td className="max-lg:hidden">{cluster.region ?? <span className="text-muted">–</span>}</td>
      <td className="max-lg:hidden">{sentence(cluster.environment)}</td>
      <td className="max-xl:hidden">{sentence(cluster.cluster_type)}</td>
      <td className="text-right whitespace-nowrap max-lg:hidden">
        {latencies.length ? formatValue(Math.max(...latencies) / 1000, "seconds") : "–"}
      </td>
      <td className="max-w-0 truncate max-md:hidden" title={troubles.join("\n") || undefined}>
        {troubles[0] ?? <span className="text-muted">nothing</span>}
      </td>
    </tr>
  );
}
