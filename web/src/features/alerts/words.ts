import type { Alert, TimelineEntry } from "../../api/types";
import { sentence, subject } from "../../lib/format";
import { stamp, zone } from "../../lib/time";
import type { AlertsSearch } from "../../router/search";

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

/** What somebody did, in words. */
export function happened({ by, kind, became, was, text }: TimelineEntry): string {
  switch (kind) {
    case "STATUS":
      return `${by}: ${sentence(became ?? "")}`;
    case "ASSIGNED":
      return became ? `${by} assigned it to ${became === by ? "themselves" : became}` : `${by} took ${was ?? "the assignee"} off it`;
    case "COMMENT":
      return `${by}: “${text ?? ""}”`;
    case "SNOOZED":
      return became ? `${by} snoozed it until ${stamp(became)}` : `${by} ended the snooze`;
    case "SNOOZE_ENDED":
      return "The snooze ended";
    case "ESCALATED":
      return became ? `${by} escalated it to ${became}` : `${by} took the escalation back`;
    case "CALM":
      return "It no longer flaps";
    default:
      return `${by}: ${sentence(kind)}`;
  }
}

/** What is asked for, as it stands in the address behind the ?; an opened alert is no part of it. */
export function asQuery(asked: AlertsSearch, write: (search: Record<string, unknown>) => string): string {
  const named = Object.entries(asked).filter(([name, value]) => name !== "open" && value !== undefined);
  return write(Object.fromEntries(named.sort(([one], [other]) => one.localeCompare(other)))).replace(/^\?/, "");
}
