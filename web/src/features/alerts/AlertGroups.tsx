import { useQuery } from "@tanstack/react-query";
import { type AlertFilters, alertGroups } from "../../api/queries";
import type { AlertGroup } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { ago } from "../../lib/time";
import type { AlertsSearch } from "../../router/search";
import { useHoldUnderPointer, useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";

interface Props {
  by: string;
  filters: AlertFilters;
  names: Map<string, string>;
  set: (part: Partial<AlertsSearch>, replace?: boolean) => void;
}

/** One row for all alerts that have something in common; opening it shows them. */
export function AlertGroups({ by, filters, names, set }: Props) {
  const groups = useQuery(alertGroups(filters, by));
  const hold = useHoldUnderPointer();
  const now = useNow(15_000);
  if (groups.isPending) return <Skeleton rows={12} />;
  const items = groups.data?.items ?? [];
  return (
    <div className="h-full overflow-y-auto" {...hold}>
      <QueryFailure what="Grouping alerts" query={groups} />
      {items.length ? (
        <table className="table">
          <thead>
            <tr>
              <th>Worst</th>
              <th>{by === "name" || by === "cluster" || by === "severity" ? sentence(by) : by}</th>
              <th className="text-right">Alerts</th>
              <th className="text-right max-md:hidden">New</th>
              <th className="text-right max-md:hidden">Clusters</th>
              <th>Newest</th>
            </tr>
          </thead>
          <tbody>
            {items.map((group) => (
              <tr key={group.value ?? ""}>
                <td>
                  <SeverityMark severity={group.severity} />
                </td>
                <td className="max-w-0 w-1/2 truncate">
                  {group.value === null ? (
                    <span className="text-muted">without this label</span>
                  ) : (
                    <button
                      type="button"
                      data-row
                      className="link max-w-full truncate text-left"
                      onClick={() => set({ ...chosen(by, group.value ?? ""), group: undefined }, false)}
                    >
                      {shown(by, group, names)}
                    </button>
                  )}
                </td>
                <td className="text-right font-medium">{group.alerts.toLocaleString("en")}</td>
                <td className="text-right max-md:hidden">{(group.status.NEW ?? 0).toLocaleString("en")}</td>
                <td className="text-right max-md:hidden">{group.clusters}</td>
                <td className="whitespace-nowrap text-muted">{ago(group.newest_at, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : groups.data ? (
        <Empty title="No alerts to group" />
      ) : null}
      {groups.data?.more ? <p className="p-3 text-muted">The worst {plural(items.length, "group")} are shown.</p> : null}
    </div>
  );
}

function chosen(by: string, value: string): Partial<AlertsSearch> {
  if (by === "name") return { name: value };
  if (by === "cluster") return { cluster: value };
  if (by === "severity") return { severity: value };
  return { label: `${by}=${value}` };
}

function shown(by: string, { value }: AlertGroup, names: Map<string, string>): string {
  if (by === "severity") return sentence(value ?? "");
  return by === "cluster" ? (names.get(value ?? "") ?? value ?? "") : (value ?? "");
}
