import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { alertCounts } from "../../api/queries";
import type { AlertsSearch } from "../../router/search";
import { type Loudness, setLoudness, useLoudness } from "../../shell/alarms";
import { useMedia } from "../../shell/store";
import { FilterSelect, SearchField } from "../../ui/filters";
import { ANY, AT_FIRST, filtersOf } from "./AlertsPage";
import { BY_INCIDENT } from "./IncidentGroups";
import { SavedFilters } from "./SavedFilters";

type Set = (part: Partial<AlertsSearch>) => void;

const BY: [by: string, word: string][] = [
  ["name", "name"],
  ["cluster", "cluster"],
  ["severity", "severity"],
  ["service", "label service"],
  ["namespace", "label namespace"],
  ["team", "label team"],
];

interface Props {
  search: AlertsSearch;
  names: Map<string, string>;
  me: string | undefined;
  set: Set;
  use: (search: AlertsSearch) => void;
}

export function Filters({ search, names, me, set, use }: Props) {
  const state = search.state ?? AT_FIRST;
  const phone = useMedia("(max-width: 767px)");
  const [more, setMore] = useState(false);
  const grouped = BY.some(([by]) => by === search.group) || search.group === BY_INCIDENT || !search.group;
  return (
    <>
      <SearchField value={search.q} label="Search alerts" onChange={(q) => set({ q })} />
      <FilterSelect
        label="State"
        value={state === ANY ? undefined : state}
        options={["FIRING", "PENDING", "RESOLVED"]}
        onChange={(next) => set({ state: next ?? ANY })}
      />
      {phone ? (
        <button type="button" className="button px-2" aria-expanded={more} onClick={() => setMore(!more)}>
          Filters
        </button>
      ) : null}
      {phone && !more ? null : (
        <>
          <FilterSelect
            label="Severity"
            value={search.severity}
            options={["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]}
            onChange={(severity) => set({ severity })}
          />
          <FilterSelect
            label="Handled"
            value={search.status}
            options={["NEW", "ACKNOWLEDGED", "IN_PROGRESS", "RESOLVED"]}
            onChange={(status) => set({ status })}
          />
          <FilterSelect
            label="Cluster"
            value={search.cluster}
            options={[...names.keys()]}
            names={names}
            onChange={(cluster) => set({ cluster })}
          />
          <FilterSelect
            label="Assignee"
            value={search.assignee}
            options={["none", ...(me ? [me] : [])]}
            names={new Map([["none", "Nobody"], ...(me ? [[me, "Me"] as const] : [])])}
            onChange={(assignee) => set({ assignee })}
          />
          <FilterSelect
            label="Maintenance"
            value={search.maintained === undefined ? undefined : search.maintained ? "in" : "out"}
            options={["in", "out"]}
            names={new Map([["in", "In maintenance"], ["out", "Not in maintenance"]])}
            onChange={(how) => set({ maintained: how === undefined ? undefined : how === "in" })}
          />
          <select
            aria-label="Group by"
            className="field w-auto max-w-40"
            value={search.group ?? ""}
            onChange={(event) => set({ group: event.target.value || undefined })}
          >
            <option value="">Not grouped</option>
            <option value={BY_INCIDENT}>By incident</option>
            {BY.map(([by, word]) => (
              <option key={by} value={by}>
                By {word}
              </option>
            ))}
            {grouped ? null : <option value={search.group}>By label {search.group}</option>}
          </select>
          <SavedFilters search={search} use={use} />
          <Alarms />
        </>
      )}
    </>
  );
}

/** What else narrows the list, and how many are snoozed out of sight. */
export function Narrowed({ search, set }: { search: AlertsSearch; set: Set }) {
  const firing = useQuery(alertCounts({ ...filtersOf(search), snoozed: undefined }));
  const snoozed = firing.data?.snoozed ?? 0;
  const parts: [string, Partial<AlertsSearch>][] = [];
  if (search.name) parts.push([`Named ${search.name}`, { name: undefined }]);
  if (search.label) parts.push([search.label, { label: undefined }]);
  if (search.snoozed) parts.push(["Only snoozed ones", { snoozed: undefined }]);
  if (!parts.length && !snoozed) return null;
  return (
    <p className="flex flex-wrap items-center gap-2 pb-3 text-meta">
      {parts.map(([word, without]) => (
        <button key={word} type="button" className="button h-6 px-2 text-meta" onClick={() => set(without)}>
          {word} <span aria-hidden="true">✕</span>
          <span className="sr-only">, take this filter away</span>
        </button>
      ))}
      {snoozed && !search.snoozed ? (
        <button type="button" className="link" onClick={() => set({ snoozed: true })}>
          {snoozed.toLocaleString("en")} snoozed
        </button>
      ) : null}
    </p>
  );
}

const LOUDNESS: [Loudness, string][] = [
  ["off", "No notices"],
  ["seen", "Notices"],
  ["heard", "Notices and sound"],
];

function Alarms() {
  const how = useLoudness();
  return (
    <select
      aria-label="How new alerts are told on this device"
      title="Of critical and high alerts that begin, on every page of this device"
      className="field w-auto"
      value={how}
      onChange={(event) => setLoudness(event.target.value as Loudness)}
    >
      {LOUDNESS.map(([value, word]) => (
        <option key={value} value={value}>
          {word}
        </option>
      ))}
    </select>
  );
}
