import { Link } from "@tanstack/react-router";
import type { Environment } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { StateShape } from "../../ui/marks";
import { Empty } from "../../ui/feedback";
import { type Tile, isUnwell } from "../fleet/grid";

const ENVIRONMENTS: Environment[] = ["PRODUCTION", "STAGING", "DEVELOPMENT", "LAB"];
const NOWHERE = "no region";

/** Regions by environments: each cluster is a mark of its state, what needs a look carries its name. */
export function AvailabilityMap({ tiles }: { tiles: Tile[] }) {
  if (!tiles.length)
    return (
      <Empty title="No cluster yet">
        <Link to="/fleet/add" className="link underline">
          Add one
        </Link>{" "}
        to see how it fares.
      </Empty>
    );
  const columns = ENVIRONMENTS.filter((one) => tiles.some(({ cluster }) => cluster.environment === one));
  const regions = [...new Set(tiles.map(({ cluster }) => cluster.region ?? NOWHERE))].sort();
  return (
    <section aria-label="Availability" className="panel overflow-x-auto">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Region</th>
            {columns.map((one) => (
              <th key={one} scope="col">
                {sentence(one)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {regions.map((region) => (
            <tr key={region}>
              <th scope="row" className="border-b border-line px-3 py-1.5 align-top font-normal whitespace-nowrap">
                {region}
              </th>
              {columns.map((environment) => (
                <Cell
                  key={environment}
                  tiles={tiles.filter(
                    ({ cluster }) => cluster.environment === environment && (cluster.region ?? NOWHERE) === region,
                  )}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell({ tiles }: { tiles: Tile[] }) {
  const unwell = tiles.filter(isUnwell);
  const well = tiles.length - unwell.length;
  return (
    <td className="py-1.5 align-top">
      <ul className="flex flex-wrap items-center gap-x-3 gap-y-1">
        {unwell.map(({ cluster, troubles }) => (
          <li key={cluster.id}>
            <Link
              to="/fleet/$clusterId"
              params={{ clusterId: cluster.id }}
              title={troubles.join("\n")}
              className="link inline-flex items-center gap-1.5"
            >
              <StateShape state={cluster.status.state} /> {cluster.name}
            </Link>
          </li>
        ))}
        {well ? (
          <li className="inline-flex items-center gap-1.5 text-muted">
            <StateShape state="ONLINE" /> {unwell.length ? `${well} more fare well` : `${plural(well, "cluster")} fare${well === 1 ? "s" : ""} well`}
          </li>
        ) : null}
      </ul>
    </td>
  );
}
