import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/client";
import { clusters, dashboard, me } from "../../api/queries";
import type { Dashboard } from "../../api/types";
import { notify } from "../../shell/notice";
import { Dialog } from "../../ui/dialog";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { ClusterPicker } from "../metrics/ClusterPicker";
import { PanelAnswer } from "../metrics/PanelAnswer";
import { SPANS } from "../metrics/spans";
import { opened, searchOf, widthOf } from "../metrics/panels";

export function DashboardPage() {
  const { dashboardId } = useParams({ from: "/shell/dashboards/$dashboardId" });
  const board = useQuery(dashboard(dashboardId));
  return (
    <Page>
      {board.isPending ? <Skeleton rows={6} /> : null}
      <QueryFailure what="Opening the dashboard" query={board} />
      {board.data ? (
        <Panels board={board.data} />
      ) : board.isError ? (
        <div className="panel mt-3">
          <PageHead title="Dashboard" />
          <Empty title="There is nothing to see here">
            <Link to="/dashboards" className="link">
              All dashboards
            </Link>
          </Empty>
        </div>
      ) : null}
    </Page>
  );
}

function Panels({ board }: { board: Dashboard }) {
  const { clusters: chosen } = useSearch({ from: "/shell/dashboards/$dashboardId" });
  const navigate = useNavigate({ from: "/dashboards/$dashboardId" });
  const fleet = useQuery(clusters);
  const user = useQuery(me);
  const [deleting, setDeleting] = useState(false);
  const mine = board.owner_id === user.data?.id || user.data?.role === "admin";
  const panels = board.panels.map(opened);
  return (
    <>
      <PageHead
        title={board.name}
        note={
          <>
            {board.description ? <span>{board.description}</span> : null}
            <span>
              {board.shared ? `shared by ${board.owner_id === user.data?.id ? "you" : board.owner}` : "only you see it"}
            </span>
          </>
        }
      >
        <ClusterPicker
          clusters={fleet.data ?? []}
          chosen={chosen ?? []}
          onChange={(next) => void navigate({ search: (old) => ({ ...old, clusters: next.length ? next : undefined }) })}
        />
        <Link to="/metrics-explorer" search={{ ...searchOf(panels), clusters: chosen, board: board.id }} className="button">
          {mine ? "Change" : "Change a copy"}
        </Link>
        {mine ? (
          <button type="button" className="button" onClick={() => setDeleting(true)}>
            Delete
          </button>
        ) : null}
        <Link to="/dashboards" className="button">
          All dashboards
        </Link>
      </PageHead>
      <div className="grid grid-cols-12 gap-3">
        {panels.map((panel, at) => (
          <section
            key={`${at} ${panel.q}`}
            aria-label={panel.title ?? panel.q}
            className={`panel p-2 ${SPANS[widthOf(panel, panels.length)]}`}
          >
            <h2 className="mb-1 flex items-baseline gap-2 px-1 font-semibold">
              <span className={`min-w-0 truncate ${panel.title ? "" : "font-mono text-meta"}`} title={panel.q}>
                {panel.title ?? panel.q}
              </span>
              <Link
                to="/metrics-explorer"
                search={{ ...searchOf([{ ...panel, width: undefined }]), clusters: chosen }}
                className="link ml-auto text-meta font-normal"
                aria-label={`Explore ${panel.title ?? panel.q}`}
              >
                Explore
              </Link>
            </h2>
            <PanelAnswer panel={panel} clusterIds={chosen} height={panels.length === 1 ? 320 : 220} beside={panels.length} />
          </section>
        ))}
      </div>
      <DeleteDialog board={board} open={deleting} onClose={() => setDeleting(false)} />
    </>
  );
}

function DeleteDialog({ board, open, onClose }: { board: Dashboard; open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => call(`dashboards/${board.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await navigate({ to: "/dashboards" });
      client.removeQueries({ queryKey: ["dashboards", board.id] });
      await client.invalidateQueries({ queryKey: ["dashboards"] });
      notify({ text: `${board.name} is deleted.` });
    },
  });
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={`Delete ${board.name}?`}
      description={board.shared ? "Nobody can open it then." : "Its queries are forgotten; no data is lost."}
    >
      {remove.error ? <p className="mb-3 text-critical">{remove.error.message}</p> : null}
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="button border-critical text-critical" disabled={remove.isPending} onClick={() => remove.mutate()}>
          {remove.isPending ? "Deleting…" : "Delete"}
        </button>
      </div>
    </Dialog>
  );
}
