import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Suspense, lazy, useMemo, useState } from "react";
import { clusters, incidents, me } from "../../api/queries";
import { plural } from "../../lib/format";
import { useHoldUnderPointer } from "../../shell/store";
import { Empty, QueryFailure, Skeleton, SkeletonBlock } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { Arrangement, FleetFilters, StateFilters } from "./FleetFilters";
import { FleetTable } from "./FleetTable";
import { FleetTiles } from "./FleetTiles";
import { Offers } from "./Offers";
import { type FleetSearch, grouped, isUnwell, matching, sorted, tileOf } from "./grid";

// Charts are for a fleet of one; whoever has more never loads them here.
const Watches = lazy(async () => ({ default: (await import("./Watches")).Watches }));

export function FleetPage() {
  const search: FleetSearch = useSearch({ from: "/shell/fleet" });
  const navigate = useNavigate({ from: "/fleet" });
  const fleet = useQuery(clusters);
  const user = useQuery(me);
  const open = useQuery(incidents({ status: "OPEN" }));
  // Adding says where the hub goes and with what: that is for an admin of the whole fleet.
  const operator = user.data?.role === "admin" && user.data.clusters === null;
  const hold = useHoldUnderPointer();
  const tiles = useMemo(() => {
    const counts = new Map<string, number>();
    for (const one of open.data?.items ?? [])
      for (const { id } of one.clusters) counts.set(id, (counts.get(id) ?? 0) + 1);
    return (fleet.data ?? []).map((one) => tileOf(one, counts.get(one.id) ?? 0));
  }, [fleet.data, open.data]);
  const shown = useMemo(() => sorted(matching(tiles, search), search.sort), [tiles, search]);
  const groups = useMemo(() => grouped(shown, search.group), [shown, search.group]);
  const only = fleet.data?.length === 1 ? fleet.data[0] : undefined;
  const [onlyUnwell, setOnlyUnwell] = useState(false);
  const change = (part: Partial<FleetSearch>) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: part.q !== undefined });
  return (
    <Page>
      <PageHead title="Fleet" note={<Note tiles={tiles.length} unwell={tiles.filter(isUnwell).length} open={open.data?.total} />}>
        {operator ? (
          <>
            <Link to="/fleet/import" className="button">
              Import
            </Link>
            <Link to="/fleet/add" className="button button-primary">
              Add cluster
            </Link>
          </>
        ) : null}
      </PageHead>
      <div className="space-y-3">
        {operator ? <Offers /> : null}
        <QueryFailure what="Reading the fleet" query={fleet} />
        {fleet.isPending ? (
          <div className="panel">
            <Skeleton rows={8} />
          </div>
        ) : tiles.length ? (
          <>
            {only && shown.length ? null : (
              <>
                <div className="flex flex-wrap items-center gap-2">
                  <StateFilters clusters={fleet.data ?? []} state={search.state} onChange={(state) => change({ state })} />
                  <Arrangement clusters={fleet.data ?? []} search={search} onChange={change} />
                </div>
                <FleetFilters clusters={fleet.data ?? []} search={search} onChange={change} />
              </>
            )}
            {shown.length ? (
              <div {...hold}>
                {search.view === "table" ? (
                  <FleetTable groups={groups} />
                ) : (
                  <FleetTiles groups={groups} onlyUnwell={onlyUnwell} onOnlyUnwell={setOnlyUnwell} />
                )}
              </div>
            ) : (
              <div className="panel">
                <Empty title="No cluster matches">
                  <button type="button" className="button mt-2" onClick={() => change(CLEARED)}>
                    Show all {tiles.length}
                  </button>
                </Empty>
              </div>
            )}
          </>
        ) : fleet.data ? (
          <div className="panel">
            <First operator={operator} />
          </div>
        ) : null}
        {only ? (
          <Suspense fallback={<SkeletonBlock height={196} />}>
            <Watches cluster={only} />
          </Suspense>
        ) : null}
      </div>
    </Page>
  );
}

const CLEARED: FleetSearch = {
  state: undefined,
  environment: undefined,
  type: undefined,
  region: undefined,
  label: undefined,
  can: undefined,
  q: undefined,
};

function Note({ tiles, unwell, open }: { tiles: number; unwell: number; open: number | undefined }) {
  if (!tiles) return null;
  return (
    <>
      <span>{plural(tiles, "cluster")}</span>
      <span>{unwell ? `${unwell} with something to mend` : "all well"}</span>
      {open ? (
        <Link to="/incidents" search={{ state: "OPEN" }} className="font-medium text-critical hover:underline">
          {plural(open, "open incident")}
        </Link>
      ) : (
        <span>{open === 0 ? "no open incidents" : ""}</span>
      )}
    </>
  );
}

function First({ operator }: { operator: boolean }) {
  return (
    <Empty title="No clusters yet">
      {operator ? (
        <>
          <p>The address of a Prometheus is enough; its nodes and services are watched from then on.</p>
          <p className="mt-3 flex justify-center gap-2">
            <Link to="/fleet/add" className="button button-primary">
              Add the first cluster
            </Link>
            <Link to="/fleet/import" className="button">
              Import many
            </Link>
          </p>
        </>
      ) : (
        "Nothing is registered, or nothing that you may see. An operator adds clusters, an admin gives you sight of them."
      )}
    </Empty>
  );
}
