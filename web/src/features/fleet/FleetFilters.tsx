import type { Cluster, ClusterState } from "../../api/types";
import { sentence } from "../../lib/format";
import { FilterSelect, SearchField } from "../../ui/filters";
import { StateMark } from "../../ui/marks";
import { ABILITIES, type Ability, type FleetSearch, GROUPS, SORTS, STATES, type Sort, counted, labelsOf } from "./grid";

/** How many clusters are in each state; each count narrows the grid to its clusters, and lets go again. */
export function StateFilters({
  clusters,
  state,
  onChange,
}: {
  clusters: Cluster[];
  state: string | undefined;
  onChange: (state: ClusterState | undefined) => void;
}) {
  const counts = new Map(counted(clusters, (one) => [one.status.state]));
  return (
    <div role="group" aria-label="State" className="flex min-w-0 flex-1 flex-wrap gap-2">
      {STATES.map((one) => {
        const count = counts.get(one) ?? 0;
        if (!count && state !== one) return null;
        return (
          <button
            key={one}
            type="button"
            aria-pressed={state === one}
            className={`button h-9 gap-2 ${state === one ? "border-accent bg-raised" : "border-line"}`}
            onClick={() => onChange(state === one ? undefined : one)}
          >
            <span className="text-[16px] font-semibold">{count}</span>
            <StateMark state={one} />
          </button>
        );
      })}
      <Share counts={counts} total={clusters.length} />
    </div>
  );
}

const FILLS: Record<ClusterState, string> = {
  OFFLINE: "bg-critical",
  DEGRADED: "bg-high",
  UNKNOWN: "bg-muted",
  PROVISIONING: "bg-low",
  ONLINE: "bg-ok",
};

/** The states' shares of the fleet; the buttons beside it say the same in numbers. */
function Share({ counts, total }: { counts: Map<string, number>; total: number }) {
  return (
    <div aria-hidden="true" className="flex h-9 min-w-32 flex-1 items-center gap-px max-md:hidden">
      {STATES.map((one) => {
        const count = counts.get(one) ?? 0;
        return count ? (
          <span key={one} className={`h-2 min-w-1 rounded-xs ${FILLS[one]}`} style={{ flexGrow: count / total }} />
        ) : null;
      })}
    </div>
  );
}

const GROUP_NAMES: Record<string, string> = {
  region: "Region",
  environment: "Environment",
  cluster_type: "Type",
  platform: "Platform",
};
const SORT_NAMES: Record<Sort, string> = { worst: "Worst first", name: "Name", seen: "Longest unseen" };

export function FleetFilters({
  clusters,
  search,
  onChange,
}: {
  clusters: Cluster[];
  search: FleetSearch;
  onChange: (part: Partial<FleetSearch>) => void;
}) {
  const values = (of: (cluster: Cluster) => string[]) => counted(clusters, of).map(([value]) => value);
  const labels = values(labelsOf).slice(0, 200);
  const regions = values((one) => (one.region ? [one.region] : []));
  const same = (options: string[]) => new Map(options.map((one) => [one, one]));
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SearchField label="Find a cluster" value={search.q} onChange={(q) => onChange({ q })} />
      <FilterSelect
        label="Environment"
        value={search.environment}
        options={values((one) => [one.environment])}
        onChange={(environment) => onChange({ environment })}
      />
      <FilterSelect
        label="Type"
        value={search.type}
        options={values((one) => [one.cluster_type])}
        onChange={(type) => onChange({ type })}
      />
      {regions.length ? (
        <FilterSelect
          label="Region"
          value={search.region}
          options={regions.sort()}
          names={same(regions)}
          onChange={(region) => onChange({ region })}
        />
      ) : null}
      {labels.length ? (
        <FilterSelect
          label="Label"
          value={search.label}
          options={labels.toSorted()}
          names={same(labels)}
          onChange={(label) => onChange({ label })}
        />
      ) : null}
      <FilterSelect
        label="Has"
        value={search.can}
        options={Object.keys(ABILITIES)}
        names={new Map(Object.entries(ABILITIES))}
        onChange={(can) => onChange({ can: can as Ability | undefined })}
      />
    </div>
  );
}

/** How the clusters are laid out. */
export function Arrangement({
  clusters,
  search,
  onChange,
}: {
  clusters: Cluster[];
  search: FleetSearch;
  onChange: (part: Partial<FleetSearch>) => void;
}) {
  const keys = counted(clusters, (one) => Object.keys(one.labels)).map(([key]) => key);
  return (
    <div className="ml-auto flex flex-wrap gap-2">
      <select
        aria-label="Group by"
        className="field w-auto"
        value={search.group ?? ""}
        onChange={(event) => onChange({ group: event.target.value || undefined })}
      >
        <option value="">No groups</option>
        {GROUPS.map((one) => (
          <option key={one} value={one}>
            By {GROUP_NAMES[one]?.toLowerCase()}
          </option>
        ))}
        {keys.slice(0, 50).map((key) => (
          <option key={key} value={`label:${key}`}>
            By label {key}
          </option>
        ))}
      </select>
      <select
        aria-label="Sort"
        className="field w-auto"
        value={search.sort ?? "worst"}
        onChange={(event) => onChange({ sort: event.target.value === "worst" ? undefined : (event.target.value as Sort) })}
      >
        {SORTS.map((one) => (
          <option key={one} value={one}>
            {SORT_NAMES[one]}
          </option>
        ))}
      </select>
      <div role="group" aria-label="View" className="flex">
        {([undefined, "table"] as const).map((view) => (
          <button
            key={view ?? "tiles"}
            type="button"
            aria-pressed={search.view === view}
            className={`button first:rounded-r-none last:-ml-px last:rounded-l-none ${search.view === view ? "bg-raised font-medium" : ""}`}
            onClick={() => onChange({ view })}
          >
            {sentence(view ?? "tiles")}
          </button>
        ))}
      </div>
    </div>
  );
}
