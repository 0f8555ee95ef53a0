import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { alertPages, clusters } from "../../api/queries";
import { copyText } from "../../lib/copy";
import { plural } from "../../lib/format";
import type { ListSearch } from "../../router";
import { notify } from "../../shell/notice";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { FilterSelect, SearchField } from "../../ui/filters";
import { PageHead } from "../../ui/page";
import { useStartAnewOnResume } from "../../ui/paging";
import { SelectionBar, useSelecting } from "../../ui/selection";
import { AlertDrawer } from "./AlertDrawer";
import { AlertRows } from "./AlertRows";
import { asLine, idOf } from "./words";

/** What fires is what people come for; the rest is asked for by its name. */
const AT_FIRST = "FIRING";
const ANY = "ALL";

export function AlertsPage() {
  const search: ListSearch = useSearch({ from: "/shell/alerts" });
  const navigate = useNavigate({ from: "/alerts" });
  const state = search.state ?? AT_FIRST;
  const pages = alertPages({
    state: state === ANY ? undefined : state,
    severity: search.severity,
    cluster_id: search.cluster,
    q: search.q,
  });
  const alerts = useInfiniteQuery(pages);
  const fleet = useQuery(clusters);
  const names = useMemo(() => new Map(fleet.data?.map(({ id, name }) => [id, name])), [fleet.data]);
  const items = useMemo(() => alerts.data?.pages.flatMap((page) => page.items) ?? [], [alerts.data]);
  const ids = useMemo(() => items.map(idOf), [items]);
  const selecting = useSelecting(ids);
  const scroller = useRef<HTMLDivElement>(null);
  useStartAnewOnResume(pages.queryKey, () => scroller.current?.scrollTo(0, 0));
  const total = alerts.data?.pages[0]?.total;
  const set = (part: Partial<ListSearch>, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace });
  const opened = items.find((one) => idOf(one) === search.open);
  const copy = async () => {
    const lines = items.filter((one) => selecting.selected.has(idOf(one))).map(asLine);
    const done = await copyText(lines.join("\n"));
    notify(done ? { text: `${plural(lines.length, "alert")} copied as text` } : { text: "The browser refused to copy", failed: true });
  };
  return (
    <div className="flex h-full flex-col">
      <div className="px-3 pt-3 md:px-4 md:pt-4">
        <PageHead title="Alerts" note={total === undefined ? null : said(total, state)}>
          <SearchField value={search.q} label="Search alerts" onChange={(q) => set({ q })} />
          <FilterSelect
            label="State"
            value={state === ANY ? undefined : state}
            options={["FIRING", "PENDING", "RESOLVED"]}
            onChange={(next) => set({ state: next ?? ANY })}
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
        </PageHead>
        <SelectionBar selecting={selecting}>
          <button type="button" className="button h-7" onClick={() => void copy()}>
            Copy as text
          </button>
        </SelectionBar>
        <div className="pb-3 empty:hidden">
          <QueryFailure what="Reading alerts" query={alerts} />
        </div>
      </div>
      <div className="min-h-0 flex-1 px-3 pb-3 md:px-4">
        <div className="panel h-full min-h-40 overflow-hidden">
          {alerts.isPending ? <Skeleton rows={12} /> : null}
          {items.length ? (
            <AlertRows
              items={items}
              total={total ?? items.length}
              names={names}
              selecting={selecting}
              scroller={scroller}
              more={alerts.hasNextPage && !alerts.isFetching ? () => void alerts.fetchNextPage() : undefined}
              onOpen={(one) => set({ open: idOf(one) }, false)}
            />
          ) : alerts.data ? (
            <Nothing search={search} set={set} />
          ) : null}
        </div>
      </div>
      <AlertDrawer
        alert={opened}
        clusterName={opened ? (opened.cluster ?? names.get(opened.cluster_id)) : undefined}
        wanted={search.open}
        onClose={() => set({ open: undefined }, false)}
      />
    </div>
  );
}

function said(total: number, state: string): string {
  const word = state === "FIRING" ? "firing" : state === "RESOLVED" ? "resolved" : state === "PENDING" ? "pending" : "";
  return word ? `${total.toLocaleString("en")} ${word}` : plural(total, "alert");
}

function Nothing({ search, set }: { search: ListSearch; set: (part: Partial<ListSearch>) => void }) {
  if (search.severity || search.cluster || search.q)
    return (
      <Empty title="No alert matches these filters">
        <button
          type="button"
          className="link"
          onClick={() => set({ state: ANY, severity: undefined, cluster: undefined, q: undefined })}
        >
          Clear the filters
        </button>
      </Empty>
    );
  if (search.state === ANY)
    return (
      <Empty title="No alerts have arrived">
        An Alertmanager sends them here, with the token of a source.{" "}
        <Link to="/settings/sources" className="link">
          Make one under Sources
        </Link>
        , which also shows the configuration to paste.
      </Empty>
    );
  return (
    <Empty title={search.state === undefined || search.state === AT_FIRST ? "Nothing fires now" : "None in this state"}>
      <button type="button" className="link" onClick={() => set({ state: ANY })}>
        Show alerts of every state
      </button>
    </Empty>
  );
}
