/** What the addresses of pages say, and how it is read: what is not as it should be is left out. */

import type { PanelsSearch } from "../features/metrics/panels";

export interface RangeSearch {
  from?: string;
  to?: string;
}

export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined;

export const one = <T extends string>(value: unknown, of: readonly T[]): T | undefined => of.find((each) => each === value);

export const ids = (value: unknown): string[] | undefined => (Array.isArray(value) ? value.map(String) : undefined);

export interface MetricsSearch extends PanelsSearch {
  clusters?: string[];
  /** The dashboard whose panels are being changed. */
  board?: string;
}

export interface LogsSearch {
  q?: string;
  clusters?: string[];
  /** PromQL, shown beside. */
  metric?: string;
  tail?: boolean;
  wrap?: boolean;
}

export interface PatternsSearch {
  q?: string;
  cluster?: string;
  severity?: string;
  about?: string;
  finding?: string;
  sort?: "last_seen" | "count" | "first_seen";
  open?: string;
}

export interface DevicesSearch {
  clusters?: string[];
  q?: string;
}

export interface TopologySearch {
  q?: string;
  cluster?: string;
  namespace?: string;
  kind?: string;
  node?: string;
  depth?: number;
  way?: "BOTH" | "NEEDS" | "NEEDED_BY";
}

export interface ListSearch {
  state?: string;
  severity?: string;
  cluster?: string;
  q?: string;
  open?: string;
}

export interface AlertsSearch extends ListSearch {
  status?: string;
  /** A name; `none` means nobody. */
  assignee?: string;
  /** Snoozed alerts are out of sight but for whoever asks for them. */
  snoozed?: boolean;
  /** In maintenance, or not. */
  maintained?: boolean;
  name?: string;
  /** `name=value`. */
  label?: string;
  /** What they are grouped by: a word of the hub, or a label. */
  group?: string;
}

export interface IncidentsSearch extends ListSearch {
  /** By impact, unless asked otherwise. */
  order?: "LATEST";
  owner?: string;
  team?: string;
}

export interface InsightsSearch {
  cluster?: string;
  kind?: string;
  state?: string;
  /** A stretch of the rate's chart, as `start-end` in Unix seconds. */
  mark?: string;
  /** The forecast that is opened. */
  open?: string;
}

export const devicesSearch = (search: Record<string, unknown>): DevicesSearch => ({ clusters: ids(search.clusters), q: text(search.q) });

export const listSearch = (search: Record<string, unknown>): ListSearch => ({
  state: text(search.state),
  severity: text(search.severity),
  cluster: text(search.cluster),
  q: text(search.q),
  open: text(search.open),
});
