import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client";
import { me } from "../../api/queries";
import type { IncidentStatus, IncidentSummary } from "../../api/types";
import { plural } from "../../lib/format";
import { notify } from "../../shell/notice";

type Actable = Pick<IncidentSummary, "id" | "key" | "status">;

export interface Act {
  status: IncidentStatus;
  word: string;
  done: string;
  key?: string;
}

export const ACTS: Act[] = [
  { status: "ACKNOWLEDGED", word: "Acknowledge", done: "acknowledged", key: "a" },
  { status: "MITIGATED", word: "Mark mitigated", done: "mitigated", key: "m" },
  { status: "RESOLVED", word: "Resolve", done: "resolved", key: "s" },
  { status: "FALSE_POSITIVE", word: "False positive", done: "marked as a false positive" },
];
export const REOPEN: Act = { status: "OPEN", word: "Open again", done: "opened again" };

const CLOSED = new Set<IncidentStatus>(["RESOLVED", "FALSE_POSITIVE"]);
const PAST: Record<IncidentStatus, number> = { OPEN: 0, ACKNOWLEDGED: 1, MITIGATED: 2, RESOLVED: 3, FALSE_POSITIVE: 3 };

/** What is left to do to an incident of this status. */
export function actsOn(status: IncidentStatus): Act[] {
  if (CLOSED.has(status)) return [REOPEN];
  return ACTS.filter((act) => PAST[act.status] > PAST[status]);
}

/** Those that the act still changes. */
export function changedBy<T extends Pick<Actable, "status">>(act: Act, items: readonly T[]): T[] {
  return items.filter(({ status }) => actsOn(status).includes(act));
}

/** `INC-1 acknowledged` or `3 incidents acknowledged`. */
export function told(act: Act, items: readonly Pick<Actable, "key">[]): string {
  const [first] = items;
  return items.length === 1 && first ? `${first.key} ${act.done}` : `${plural(items.length, "incident")} ${act.done}`;
}

export interface Acting {
  may: boolean;
  act: (act: Act, items: readonly Actable[]) => Promise<void>;
}

/** Changes the status of incidents, says what came of it and offers to undo it. */
export function useActing(): Acting {
  const client = useQueryClient();
  const user = useQuery(me);
  const may = user.data !== undefined && user.data.role !== "viewer";
  const set = async (wanted: readonly (Actable & { to: IncidentStatus })[]) => {
    const answers = await Promise.allSettled(
      wanted.map(({ id, to }) => call(`incidents/${id}`, { method: "PATCH", body: { status: to } })),
    );
    for (const topic of ["incident", "incidents"]) void client.invalidateQueries({ queryKey: [topic] });
    const refused = answers.find((answer) => answer.status === "rejected");
    return { done: wanted.filter((_, at) => answers[at]?.status === "fulfilled"), why: refused ? saying(refused.reason) : null };
  };
  const act = async (one: Act, items: readonly Actable[]) => {
    const changing = changedBy(one, items);
    if (!may || !changing.length) return;
    const { done, why } = await set(changing.map((item) => ({ ...item, to: one.status })));
    if (why) {
      const rest = done.length ? `; ${told(one, done)}` : "";
      return notify({ text: `${plural(changing.length - done.length, "incident")} unchanged: ${why}${rest}`, failed: true });
    }
    const undo = async () => {
      const back = await set(done.map((item) => ({ ...item, to: item.status })));
      notify(back.why ? { text: `Not undone: ${back.why}`, failed: true } : { text: "Undone" });
    };
    notify({ text: told(one, done), undo: () => void undo() });
  };
  return { may, act };
}

function saying(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
