import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ApiError, call } from "../../api/client";
import { me } from "../../api/queries";
import type { Dashboard } from "../../api/types";
import { notify } from "../../shell/notice";
import { FormProblem } from "../../shell/SignIn";
import { Dialog, Field } from "../../ui/dialog";
import { type PanelState, saved } from "../metrics/panels";

interface Props {
  open: boolean;
  onClose: () => void;
  panels: PanelState[];
  /** The dashboard that is being changed, if it is one. */
  board?: Dashboard;
}

export function SaveDialog({ open, onClose, panels, board }: Props) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={board ? `Save ${board.name}` : "Save as a dashboard"}
      description="A dashboard keeps the queries. Whoever opens it sees what their own clusters answer."
    >
      <SaveForm panels={panels} board={board} onDone={onClose} />
    </Dialog>
  );
}

function SaveForm({ panels, board, onDone }: { panels: PanelState[]; board?: Dashboard; onDone: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const user = useQuery(me);
  const mine = board !== undefined && (board.owner_id === user.data?.id || user.data?.role === "admin");
  const [name, setName] = useState(board ? (mine ? board.name : `${board.name}, copy`) : "");
  const [description, setDescription] = useState(board?.description ?? "");
  const [shared, setShared] = useState(mine ? board.shared : false);
  const mayShare = user.data?.role !== "viewer" || (mine && board.shared);
  const save = useMutation({
    mutationFn: ({ anew }: { anew: boolean }) => {
      const wish = { name, description, shared, panels: panels.map((panel) => saved(panel, panels.length)) };
      return anew || !board
        ? call<Dashboard>("dashboards", { method: "POST", body: wish })
        : call<Dashboard>(`dashboards/${board.id}`, { method: "PUT", body: { ...wish, revision: board.revision } });
    },
    onSuccess: (kept) => {
      void client.invalidateQueries({ queryKey: ["dashboards"] });
      notify({ text: `${kept.name} is saved.` });
      onDone();
      void navigate({ to: "/dashboards/$dashboardId", params: { dashboardId: kept.id } });
    },
  });
  const field = save.error instanceof ApiError ? save.error.details?.field : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ anew: !mine });
  };
  return (
    <form onSubmit={submit} noValidate className="space-y-3">
      <Field label="Name" fault={field === "name" ? save.error?.message : undefined}>
        <input className="field" value={name} autoFocus onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label="What it is for (optional)">
        <input className="field" value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
      {mayShare ? (
        <label className="flex items-center gap-2">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={shared}
            onChange={(event) => setShared(event.target.checked)}
          />
          Everyone may open it
        </label>
      ) : null}
      <FormProblem text={save.error && field !== "name" ? save.error.message : null} />
      <div className="flex justify-end gap-2">
        {mine ? (
          <button type="button" className="button mr-auto" disabled={save.isPending} onClick={() => save.mutate({ anew: true })}>
            Save as a new one
          </button>
        ) : null}
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={save.isPending || !panels.length}>
          {save.isPending ? "Saving…" : "Save"}
        </button>
      </div>
    </form>
  );
}
