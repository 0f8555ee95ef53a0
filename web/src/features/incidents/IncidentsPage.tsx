import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { teams } from "../../api/correlation";
import { clusters, incidentPages, me } from "../../api/queries";
import { plural } from "../../lib/format";
import type { IncidentsSearch } from "../../router/search";
import { usePageKeys } from "../../shell/pageKeys";
import { useHold } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect, SearchField } from "../../ui/filters";
import { Page, PageHead } from "../../ui/page";
import { useStartAnewOnResume } from "../../ui/paging";
import { SelectionBar, useSelecting } from "../../ui/selection";
import { IncidentList } from "./IncidentList";
import { MergeButton } from "./MergeButton";
import { NewIncident } from "./NewIncident";
import { ACTS, type Act, changedBy, useActing } from "./acting";
import { useMainScrolled } from "../../ui/scrolled";

export function IncidentsPage() {
  const search: IncidentsSearch = useSearch({ from: "/shell/incidents" });
  const navigate = useNavigate({ from: "/incidents" });
  const set = (part: Partial<IncidentsSearch>) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const pages = incidentPages({
    status: search.state,
    severity: search.severity,
    cluster_id: search.cluster,
    owner: search.owner,
    team_id: search.team,
    order: search.order ?? "IMPACT",
  });
  const list = useInfiniteQuery(pages);
  const all = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const wanted = (search.q ?? "").toLowerCase();
  const items = useMemo(
    () => all.filter((one) => `${one.key} ${one.title} ${one.clusters.map(({ name }) => name).join(" ")}`.toLowerCase().includes(wanted)),
    [all, wanted],
  );
  const ids = useMemo(() => items.map(({ id }) => id), [items]);
  const acting = useActing();
  const selecting = useSelecting(ids, acting.may);
  const [busy, setBusy] = useState(false);
  const run = async (act: Act, on: string[]) => {
    setBusy(true);
    await acting.act(act, items.filter(({ id }) => on.includes(id)));
    setBusy(false);
    selecting.clear();
  };
  usePageKeys(Object.fromEntries(ACTS.flatMap((act) => (act.key ? [[act.key, () => void run(act, selecting.inHand())]] : []))));
  useHold("scroll", useMainScrolled());
  useStartAnewOnResume(pages.queryKey, () => document.getElementById("main")?.scrollTo(0, 0));
  const chosen = items.filter(({ id }) => selecting.selected.has(id));
  const total = list.data?.pages[0]?.total;
  return (
    <Page>
      <PageHead title="Incidents" note={total === undefined ? null : plural(total, "incident")}>
        <Filters search={search} set={set} />
        {acting.may ? <NewIncident /> : null}
      </PageHead>
      <SelectionBar selecting={selecting}>
        {ACTS.map((act) => (
          <button
            key={act.status}
            type="button"
            className="button h-7"
            disabled={busy || !changedBy(act, chosen).length}
            onClick={() => void run(act, [...selecting.selected])}
          >
            {act.word} {act.key ? <kbd className="font-mono text-meta text-muted">{act.key}</kbd> : null}
          </button>
        ))}
        <MergeButton chosen={chosen} done={selecting.clear} />
      </SelectionBar>
      <div className="space-y-3">
        <QueryFailure what="Reading incidents" query={list} />
        <div className="panel">
          {list.isPending ? <Skeleton rows={8} /> : null}
          {items.length ? <IncidentList items={items} selecting={acting.may ? selecting : undefined} /> : null}
          {list.data && !items.length ? (
            <Nothing
              search={search}
              read={all.length}
              clear={() => void navigate({ search: ({ from, to }) => ({ from, to }), replace: true })}
            />
          ) : null}
        </div>
        {list.hasNextPage ? (
          <div className="flex items-center gap-3 text-muted">
            <button type="button" className="button" disabled={list.isFetching} onClick={() => void list.fetchNextPage()}>
              {list.isFetchingNextPage ? "Reading…" : "Show more"}
            </button>
            {wanted ? `Searched in the first ${all.length}` : `The first ${all.length} are shown`}
          </div>
        ) : null}
      </div>
    </Page>
  );
}

function Filters({ search, set }: { search: IncidentsSearch; set: (part: Partial<IncidentsSearch>) => void }) {
  const fleet = useQuery(clusters);
  const user = useQuery(me);
  const known = useQuery(teams);
  const owners = new Map([["-", "Nobody"], ...(user.data ? [[user.data.username, "Me"] as const] : [])]);
  const names = new Map(fleet.data?.map(({ id, name }) => [id, name]));
  return (
    <>
      <SearchField value={search.q} label="Find in these" onChange={(q) => set({ q })} />
      <FilterSelect
        label="Status"
        value={search.state}
        options={["OPEN", "ACKNOWLEDGED", "MITIGATED", "RESOLVED", "FALSE_POSITIVE"]}
        onChange={(state) => set({ state })}
      />
      <FilterSelect
        label="Severity"
        value={search.severity}
        options={["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]}
        onChange={(severity) => set({ severity })}
      />
      <FilterSelect
        label="Cluster"
        value={search.cluster}
        options={[...names.keys()]}
        names={names}
        onChange={(cluster) => set({ cluster })}
      />
      <FilterSelect
        label="Owner"
        value={search.owner}
        options={[...owners.keys()]}
        names={owners}
        onChange={(owner) => set({ owner })}
      />
      {known.data?.length ? (
        <FilterSelect
          label="Team"
          value={search.team}
          options={known.data.map(({ id }) => id)}
          names={new Map(known.data.map(({ id, name }) => [id, name]))}
          onChange={(team) => set({ team })}
        />
      ) : null}
      <select
        aria-label="Order"
        className="field w-auto"
        value={search.order ?? ""}
        onChange={(event) => set({ order: event.target.value === "LATEST" ? "LATEST" : undefined })}
      >
        <option value="">Worst first</option>
        <option value="LATEST">Latest first</option>
      </select>
    </>
  );
}

function Nothing({ search, read, clear }: { search: IncidentsSearch; read: number; clear: () => void }) {
  const filtered = search.state || search.severity || search.cluster || search.q || search.owner || search.team;
  if (!filtered)
    return (
      <Empty title="No incidents">
        When anomalies or alerts come together, an incident opens here by itself, with what moved first. Nothing needs
        to be set up but a cluster in the fleet.
      </Empty>
    );
  return (
    <Empty title={search.q ? `None of the ${read} read has “${search.q}”` : "No incident matches these filters"}>
      <button type="button" className="link" onClick={clear}>
        Clear the filters
      </button>
    </Empty>
  );
}
