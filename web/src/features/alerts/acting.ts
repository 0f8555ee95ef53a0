import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, call } from "../../api/client";
import { type AlertFilters, me } from "../../api/queries";
import type { AlertStatus, Handled } from "../../api/types";
import { plural } from "../../lib/format";
import { notify } from "../../shell/notice";

export interface Wish {
  status?: AlertStatus;
  assignee?: string | null;
  snooze_until?: string | null;
  escalate_to?: string | null;
  comment?: string;
}

export interface Act {
  key: string;
  word: string;
  /** What is said once it is done. */
  done: string;
  status: AlertStatus;
}

export const ACTS: readonly Act[] = [
  { key: "a", word: "Acknowledge", done: "acknowledged", status: "ACKNOWLEDGED" },
  { key: "w", word: "Work on it", done: "in progress", status: "IN_PROGRESS" },
  { key: "r", word: "Mark resolved", done: "marked resolved", status: "RESOLVED" },
];

export const SNOOZES: readonly [words: string, minutes: number][] = [
  ["30 minutes", 30],
  ["1 hour", 60],
  ["4 hours", 240],
  ["Until tomorrow, 9:00", -1],
  ["1 week", 10_080],
];

/** When a snooze of so many minutes ends; -1 is tomorrow morning. */
export function snoozeEnd(minutes: number, now = new Date()): string {
  if (minutes >= 0) return new Date(now.getTime() + minutes * 60_000).toISOString();
  const morning = new Date(now);
  morning.setDate(morning.getDate() + 1);
  morning.setHours(9, 0, 0, 0);
  return morning.toISOString();
}

/** On these alerts (`cluster id/fingerprint`), or on all that a filter finds. */
export type On = string[] | AlertFilters;

function body(on: On): object {
  if (Array.isArray(on))
    return {
      alerts: on.map((id) => {
        const at = id.indexOf("/");
        return { cluster_id: id.slice(0, at), fingerprint: id.slice(at + 1) };
      }),
    };
  const list = (value: string | undefined) => (value ? [value] : undefined);
  const { state, severity, status, cluster_id, label, ...same } = on;
  const lists = { state: list(state), severity: list(severity), status: list(status), cluster_id: list(cluster_id), label: list(label) };
  return { filter: { ...same, ...lists } };
}

export function said({ changed, unchanged, left_out, more }: Handled, done: string): string {
  const parts = [`${plural(changed, "alert")} ${done}`];
  if (unchanged) parts.push(`${unchanged.toLocaleString("en")} were so before`);
  if (left_out.length) parts.push(`${left_out.length.toLocaleString("en")} are gone`);
  if (more) parts.push("there are more: do it again for the next");
  return parts.join("; ");
}

export function useAlertActing() {
  const client = useQueryClient();
  const user = useQuery(me).data;
  const act = async (wish: Wish, on: On, done: string): Promise<boolean> => {
    if (Array.isArray(on) && on.length === 0) return false;
    try {
      const handled = await call<Handled>("alerts/actions", { method: "POST", body: { ...wish, ...body(on) } });
      notify({ text: said(handled, done) });
      return true;
    } catch (error) {
      notify({ text: error instanceof ApiError ? error.message : "It did not work", failed: true });
      return false;
    } finally {
      for (const topic of ["alerts", "alert"]) void client.invalidateQueries({ queryKey: [topic] });
    }
  };
  return { may: user?.role === "admin" || user?.role === "operator", name: user?.username, act };
}
