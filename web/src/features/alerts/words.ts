import type { Alert } from "../../api/types";
import { sentence, subject } from "../../lib/format";
import { stamp, zone } from "../../lib/time";

export function idOf(alert: Pick<Alert, "cluster_id" | "fingerprint">): string {
  return `${alert.cluster_id}/${alert.fingerprint}`;
}

/** What it is about: in the sender's words, or by its labels. */
export function about({ annotations, labels }: Pick<Alert, "annotations" | "labels">): string {
  const { alertname: _name, severity: _severity, ...rest } = labels;
  return annotations.summary ?? annotations.description ?? subject(rest);
}

/** An alert as a line to paste where people talk. */
export function asLine(alert: Alert): string {
  const { severity, state, name, cluster, cluster_id, starts_at } = alert;
  const where = cluster ?? cluster_id;
  return `${sentence(severity)}, ${sentence(state).toLowerCase()} since ${stamp(starts_at)} ${zone}: ${name} in ${where} (${about(alert)})`;
}
