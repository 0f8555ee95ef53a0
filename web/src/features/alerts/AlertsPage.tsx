import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { type AlertFilters, alertPages, clusters } from "../../api/queries";
import { copyText } from "../../lib/copy";
import { plural } from "../../lib/format";
import type { AlertsSearch } from "../../router/search";
import { notify } from "../../shell/notice";
import { usePageKeys } from "../../shell/pageKeys";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { PageHead } from "../../ui/page";
import { useStartAnewOnResume } from "../../ui/paging";
import { useSelecting } from "../../ui/selection";
import { ActingBar } from "./ActingBar";
import { AlertDrawer } from "./AlertDrawer";
import { AlertGroups } from "./AlertGroups";
import { AlertRows } from "./AlertRows";
import { Filters, Narrowed } from "./Filters";
import { BY_INCIDENT, IncidentGroups } from "./IncidentGroups";
import { ACTS, type On, useAlertActing } from "./acting";
import { type Asked, AskedDialog } from "./AskedDialog";
import { asLine, idOf } from "./words";

/** What fires is what people come for; the rest is asked for by its name. */
export const AT_FIRST = "FIRING";
export const ANY = "ALL";

export function filtersOf(search: AlertsSearch): AlertFilters {
  const state = search.state ?? AT_FIRST;
  return {
    state: state === ANY ? undefined : state,
    severity: search.severity,
    status: search.status,
    cluster_id: search.cluster,
    q: search.q,
    assignee: search.assignee === "none" ? "" : search.assignee,
    snoozed: search.snoozed ?? (search.state === undefined ? false : undefined),
    maintained: search.maintained,
    name: search.name,
    label: search.label,
  };
}

export function AlertsPage() {
  const search: AlertsSearch = useSearch({ from: "/shell/alerts" });
  const navigate = useNavigate({ from: "/alerts" });
  const filters = filtersOf(search);
  const pages = alertPages(filters);
  const alerts = useInfiniteQuery({ ...pages, enabled: !search.group });
  const fleet = useQuery(clusters);
  const names = useMemo(() => new Map(fleet.data?.map(({ id, name }) => [id, name])), [fleet.data]);
  const items = useMemo(() => (search.group ? [] : (alerts.data?.pages.flatMap((page) => page.items) ?? [])), [alerts.data, search.group]);
  const ids = useMemo(() => items.map(idOf), [items]);
  const selecting = useSelecting(ids);
  const acting = useAlertActing();
  const [asked, setAsked] = useState<Asked | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  useStartAnewOnResume(pages.queryKey, () => scroller.current?.scrollTo(0, 0));
  const first = alerts.data?.pages[0];
  const total = first?.total;
  const set = (part: Partial<AlertsSearch>, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace });
  const run = async (wish: Parameters<typeof acting.act>[0], on: On, done: string) => {
    if (acting.may && (await acting.act(wish, on, done))) selecting.clear();
  };
  const ask = (kind: Asked["kind"], on: On) => (acting.may && (!Array.isArray(on) || on.length) ? setAsked({ kind, on }) : undefined);
  const inHand = () => (search.open ? [search.open] : selecting.inHand());
  usePageKeys({
    ...Object.fromEntries(ACTS.map((act) => [act.key, () => void run({ status: act.status }, inHand(), act.done)])),
    m: () => void run({ assignee: acting.name ?? null }, inHand(), "assigned to you"),
    s: () => ask("snooze", inHand()),
    c: () => ask("comment", inHand()),
  });
  const opened = items.find((one) => idOf(one) === search.open);
  const copy = async () => {
    const lines = items.filter((one) => selecting.selected.has(idOf(one))).map(asLine);
    const done = await copyText(lines.join("\n"));
    notify(done ? { text: `${plural(lines.length, "alert")} copied as text` } : { text: "The browser refused to copy", failed: true });
  };
  return (
    <div className="flex h-full flex-col">
      <div className="px-3 pt-3 md:px-4 md:pt-4">
        <PageHead title="Alerts" note={total === undefined || search.group ? null : said(total, first?.at_least, search)}>
          <Filters search={search} names={names} me={acting.name} set={set} use={(wanted) => void navigate({ search: wanted })} />
        </PageHead>
        <Narrowed search={search} set={set} />
        <ActingBar
          selecting={selecting}
          all={filters}
          total={total ?? 0}
          loaded={items.length}
          acting={acting}
          run={run}
          ask={ask}
          copy={() => void copy()}
        />
        <div className="pb-3 empty:hidden">
          <QueryFailure what="Reading alerts" query={alerts} />
        </div>
      </div>
      <div className="min-h-0 flex-1 px-3 pb-3 md:px-4">
        <div className="panel h-full min-h-40 overflow-hidden">
          {search.group === BY_INCIDENT ? (
            <IncidentGroups cluster={search.cluster} severity={search.severity} />
          ) : search.group ? (
            <AlertGroups by={search.group} filters={filters} names={names} set={set} />
          ) : (
            <>
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
                  onAcknowledge={
                    acting.may ? (one) => void run({ status: "ACKNOWLEDGED" }, [idOf(one)], "acknowledged") : undefined
                  }
                />
              ) : alerts.data ? (
                <Nothing search={search} set={set} />
              ) : null}
            </>
          )}
        </div>
      </div>
      <AlertDrawer
        alert={opened}
        clusterName={opened ? (opened.cluster ?? names.get(opened.cluster_id)) : undefined}
        wanted={search.open}
        acting={acting}
        ask={ask}
        onClose={() => set({ open: undefined }, false)}
      />
      <AskedDialog asked={asked} onClose={() => setAsked(null)} act={acting.act} done={selecting.clear} />
    </div>
  );
}

function said(total: number, atLeast: boolean | undefined, search: AlertsSearch): string {
  const state = search.state ?? AT_FIRST;
  const word = state === "FIRING" ? "firing" : state === "RESOLVED" ? "resolved" : state === "PENDING" ? "pending" : "";
  const many = `${atLeast ? "more than " : ""}${total.toLocaleString("en")}`;
  return `${many} ${word || (total === 1 ? "alert" : "alerts")}${search.snoozed ? ", snoozed" : ""}`;
}

function Nothing({ search, set }: { search: AlertsSearch; set: (part: Partial<AlertsSearch>) => void }) {
  const narrowed = [search.severity, search.cluster, search.q, search.status, search.assignee, search.snoozed, search.maintained !== undefined, search.name, search.label];
  if (narrowed.some(Boolean))
    return (
      <Empty title="No alert matches these filters">
        <button type="button" className="link" onClick={() => set({ ...CLEARED, state: ANY })}>
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

export const CLEARED: Partial<AlertsSearch> = {
  state: undefined,
  severity: undefined,
  cluster: undefined,
  q: undefined,
  status: undefined,
  assignee: undefined,
  snoozed: undefined,
  maintained: undefined,
  name: undefined,
  label: undefined,
};
