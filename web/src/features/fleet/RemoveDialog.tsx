import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { call } from "../../api/client";
import type { Cluster } from "../../api/types";
import { Dialog } from "../../ui/dialog";

export function RemoveDialog({ open, onClose, cluster }: { open: boolean; onClose: () => void; cluster: Cluster }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => call(`clusters/${cluster.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await navigate({ to: "/fleet" });
      await client.invalidateQueries({ queryKey: ["clusters"] });
    },
  });
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={`Remove ${cluster.name}?`}
      description="It is no longer probed nor watched, and its samples and alerts here are forgotten. Nothing changes on the cluster itself."
    >
      {remove.error ? <p className="mb-3 text-critical">{remove.error.message}</p> : null}
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button
          type="button"
          className="button border-critical text-critical"
          disabled={remove.isPending}
          onClick={() => remove.mutate()}
        >
          {remove.isPending ? "Removing…" : "Remove"}
        </button>
      </div>
    </Dialog>
  );
}
