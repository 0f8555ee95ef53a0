import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { analysis } from "../../api/analysis";
import { call } from "../../api/client";
import { me } from "../../api/queries";
import type { Cause } from "../../api/types";

/** Whether a ranked cause was it, in the words of who worked on it. */
export function WasIt({ cause, incidentId }: { cause: Cause; incidentId: string }) {
  const user = useQuery(me);
  const found = useQuery(analysis(incidentId));
  const client = useQueryClient();
  const say = useMutation({
    mutationFn: (verdict: "RIGHT" | "WRONG") =>
      call(`analysis/${incidentId}/feedback`, { method: "PUT", body: { place: cause.rank, verdict } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["incident", incidentId] }),
  });
  if (!user.data || user.data.role === "viewer") return null;
  const said = found.data?.said.find(({ subject, cluster_id }) => subject === (cause.subject || cause.title) && cluster_id === cause.cluster_id);
  return (
    <p className="flex flex-wrap items-center gap-2">
      <span className="text-muted">{said ? `${said.by} said:` : "Was it this?"}</span>
      {(["RIGHT", "WRONG"] as const).map((verdict) => (
        <button
          key={verdict}
          type="button"
          className={`button h-7 ${said?.verdict === verdict ? "button-primary" : ""}`}
          aria-pressed={said?.verdict === verdict}
          disabled={say.isPending}
          onClick={() => say.mutate(verdict)}
        >
          {verdict === "RIGHT" ? "This was it" : "Not this"}
        </button>
      ))}
      {say.isError ? <span role="alert">{say.error.message}</span> : null}
    </p>
  );
}
