import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client";
import { type Reminder, reminders } from "../../api/maintenance";
import { plural } from "../../lib/format";
import { Failure, QueryFailure } from "../../ui/feedback";

/** Silences that end soon, or that nobody remembers while they still hide something. */
export function Reminders({ operator }: { operator: boolean }) {
  const client = useQueryClient();
  const found = useQuery(reminders);
  const dismiss = useMutation({
    mutationFn: ({ id }: Reminder) => call(`silence-reminders/${id}/dismiss`, { method: "POST" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["maintenance", "reminders"] }),
  });
  const end = useMutation({
    mutationFn: ({ cluster_id, silence_id }: Reminder) => call(`silences/${cluster_id}/${silence_id}`, { method: "DELETE" }),
    onSuccess: (_, one) => dismiss.mutate(one),
  });
  const items = found.data?.items ?? [];
  const busy = dismiss.isPending || end.isPending;
  return (
    <>
      <QueryFailure what="Reading the reminders" query={found} />
      {dismiss.isError ? <Failure what="Dismissing it" error={dismiss.error} /> : null}
      {end.isError ? <Failure what="Ending the silence" error={end.error} /> : null}
      {items.length ? (
        <section aria-label="Silences to look at" className="panel">
          <h2 className="border-b border-line px-3 py-1.5 font-semibold">Silences to look at</h2>
          <ul>
            {items.map((one) => (
              <li key={one.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1.5 last:border-b-0">
                <span className={`font-medium ${one.kind === "FORGOTTEN" ? "text-high" : "text-medium"}`}>
                  {one.kind === "FORGOTTEN" ? "Forgotten?" : "Ends soon"}
                </span>
                <span className="min-w-0 font-mono break-all">{one.title}</span>
                <span className="text-muted">
                  on {one.cluster}, by {one.created_by || "nobody named"} since {new Date(one.since).toLocaleDateString()}; until{" "}
                  {new Date(one.until).toLocaleString()}; hides {plural(one.hides, "alert")} that {one.hides === 1 ? "fires" : "fire"}
                </span>
                {operator ? (
                  <span className="ml-auto flex gap-1">
                    <button type="button" className="button h-7" disabled={busy} onClick={() => end.mutate(one)}>
                      End the silence
                    </button>
                    <button type="button" className="button h-7" disabled={busy} onClick={() => dismiss.mutate(one)}>
                      Dismiss
                    </button>
                  </span>
                ) : null}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </>
  );
}
