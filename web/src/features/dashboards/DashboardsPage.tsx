import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { dashboards, me } from "../../api/queries";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";

export function DashboardsPage() {
  const all = useQuery(dashboards);
  const user = useQuery(me);
  const now = useNow();
  const [wanted, setWanted] = useState("");
  const words = wanted.toLowerCase();
  const shown = all.data?.filter((one) => `${one.name} ${one.description} ${one.owner}`.toLowerCase().includes(words));
  return (
    <Page>
      <PageHead title="Dashboards" note={all.data ? plural(all.data.length, "dashboard") : null}>
        <input
          data-search
          className="field w-48"
          placeholder="Find a dashboard"
          aria-label="Find a dashboard"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
        <Link to="/metrics-explorer" className="button button-primary">
          New
        </Link>
      </PageHead>
      <QueryFailure what="Reading the dashboards" query={all} />
      <div className="panel overflow-x-auto">
        {all.isPending ? <Skeleton rows={4} /> : null}
        {shown?.length ? (
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Dashboard</th>
                <th scope="col">Panels</th>
                <th scope="col">Owner</th>
                <th scope="col">Seen by</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((one) => (
                <tr key={one.id}>
                  <td>
                    <Link data-row to="/dashboards/$dashboardId" params={{ dashboardId: one.id }} className="link font-medium">
                      {one.name}
                    </Link>
                    {one.description ? <span className="ml-3 text-muted">{one.description}</span> : null}
                  </td>
                  <td>{one.panels.length}</td>
                  <td>{one.owner_id === user.data?.id ? "you" : one.owner}</td>
                  <td>{one.shared ? "everyone" : "only you"}</td>
                  <td className="whitespace-nowrap">{ago(one.updated_at, now)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : shown ? (
          <Empty title={all.data?.length ? `No dashboard matches “${wanted}”` : "No dashboards yet"}>
            {all.data?.length ? null : (
              <>
                Ask something in{" "}
                <Link to="/metrics-explorer" className="link underline">
                  Metrics
                </Link>{" "}
                and save it.
              </>
            )}
          </Empty>
        ) : null}
      </div>
    </Page>
  );
}
