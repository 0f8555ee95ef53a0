import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import type { Incident } from "../../api/types";
import { notify } from "../../shell/notice";

type Alert = Incident["alerts"][number];
type Found = Incident["anomalies"][number] | Incident["findings"][number];
export type Member = Alert | Found;

/** What tells one member of an incident from all others. */
export const keyOf = (one: Member): string => ("fingerprint" in one ? `${one.cluster_id}/${one.fingerprint}/${one.started_at}` : one.id);

/** The chosen members, as the API wants them named. */
export function membersOf(one: Pick<Incident, "alerts" | "anomalies" | "findings">, chosen: ReadonlySet<string>) {
  const ids = (members: readonly Found[]) => members.filter((member) => chosen.has(keyOf(member))).map(({ id }) => id);
  const alerts = one.alerts.filter((alert) => chosen.has(keyOf(alert)));
  return {
    alerts: alerts.map(({ cluster_id, fingerprint, started_at }) => ({ cluster_id, fingerprint, started_at })),
    anomalies: ids(one.anomalies),
    findings: ids(one.findings),
  };
}

export interface Hands {
  busy: boolean;
  /** Do something to incidents and say what came of it; nothing is given where it was refused. */
  run: <T>(done: string, path: string, body: unknown, method?: string) => Promise<T | null>;
}

export function useHands(): Hands {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const run = async <T>(done: string, path: string, body: unknown, method = "POST"): Promise<T | null> => {
    setBusy(true);
    try {
      const answer = await call<T>(path, { method, body });
      notify({ text: done });
      return answer;
    } catch (error) {
      notify({ text: error instanceof Error ? error.message : String(error), failed: true });
      return null;
    } finally {
      setBusy(false);
      for (const topic of ["incident", "incidents"]) void client.invalidateQueries({ queryKey: [topic] });
    }
  };
  return { busy, run };
}
