import type { AlertStatus, ClusterState, IncidentStatus, Severity } from "../api/types";
import { sentence } from "../lib/format";

type Shape = "octagon" | "triangle" | "square" | "disc" | "ring" | "cross" | "check";

const PATHS: Record<Shape, React.ReactNode> = {
  octagon: <path d="M4 1h4l3 3v4l-3 3H4L1 8V4z" fill="currentColor" />,
  triangle: <path d="M6 1l5.5 10H.5z" fill="currentColor" />,
  square: <rect x="1.5" y="1.5" width="9" height="9" fill="currentColor" />,
  disc: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  ring: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="2" />,
  cross: <path d="M2 2l8 8M10 2l-8 8" stroke="currentColor" strokeWidth="2.5" />,
  check: <path d="M1.5 6.5l3 3 6-7" fill="none" stroke="currentColor" strokeWidth="2" />,
};

function Mark({ shape, colour, word }: { shape: Shape; colour: string; word: string }) {
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${colour}`}>
      <svg viewBox="0 0 12 12" className="size-3 shrink-0" aria-hidden="true">
        {PATHS[shape]}
      </svg>
      {word}
    </span>
  );
}

const SEVERITY: Record<Severity, [Shape, string]> = {
  CRITICAL: ["octagon", "text-critical"],
  HIGH: ["triangle", "text-high"],
  MEDIUM: ["square", "text-medium"],
  LOW: ["disc", "text-low"],
  INFO: ["ring", "text-muted"],
};

export function SeverityMark({ severity }: { severity: Severity }) {
  const [shape, colour] = SEVERITY[severity] ?? SEVERITY.INFO;
  return <Mark shape={shape} colour={colour} word={sentence(severity)} />;
}

/** What is foreseen, by whether people were told of it. */
export function UrgencyMark({ soon }: { soon: boolean }) {
  return <Mark shape={soon ? "triangle" : "ring"} colour={soon ? "text-high" : "text-muted"} word={soon ? "Soon" : "Later"} />;
}

const STATE: Record<ClusterState, [Shape, string]> = {
  ONLINE: ["disc", "text-ok"],
  DEGRADED: ["triangle", "text-high"],
  OFFLINE: ["cross", "text-critical"],
  UNKNOWN: ["ring", "text-muted"],
  PROVISIONING: ["square", "text-low"],
};

/** The shape alone, where the words stand beside it or there is no room: readers of the screen hear the word. */
export function StateShape({ state }: { state: ClusterState }) {
  const [shape, colour] = STATE[state] ?? STATE.UNKNOWN;
  return (
    <span className={`shrink-0 ${colour}`}>
      <svg viewBox="0 0 12 12" className="size-3" aria-hidden="true">
        {PATHS[shape]}
      </svg>
      <span className="sr-only">{sentence(state)}</span>
    </span>
  );
}

export function StateMark({ state }: { state: ClusterState }) {
  const [shape, colour] = STATE[state] ?? STATE.UNKNOWN;
  return <Mark shape={shape} colour={colour} word={sentence(state)} />;
}

const INCIDENT: Record<IncidentStatus, [Shape, string]> = {
  OPEN: ["ring", "text-high"],
  ACKNOWLEDGED: ["triangle", "text-medium"],
  MITIGATED: ["square", "text-low"],
  RESOLVED: ["check", "text-ok"],
  FALSE_POSITIVE: ["cross", "text-muted"],
};

export function StatusMark({ status }: { status: IncidentStatus }) {
  const [shape, colour] = INCIDENT[status] ?? INCIDENT.OPEN;
  return <Mark shape={shape} colour={colour} word={sentence(status)} />;
}

export function AlertStateMark({ state }: { state: string }) {
  if (state === "FIRING") return <Mark shape="triangle" colour="text-high" word="Firing" />;
  if (state === "RESOLVED") return <Mark shape="check" colour="text-ok" word="Resolved" />;
  return <Mark shape="ring" colour="text-muted" word={sentence(state)} />;
}

const HANDLED: Record<AlertStatus, [Shape, string, string]> = {
  NEW: ["ring", "text-high", "New"],
  ACKNOWLEDGED: ["disc", "text-medium", "Acknowledged"],
  IN_PROGRESS: ["square", "text-low", "In progress"],
  RESOLVED: ["check", "text-ok", "Resolved"],
};

/** What people do about an alert. */
export function HandledMark({ status }: { status: AlertStatus }) {
  const [shape, colour, word] = HANDLED[status] ?? HANDLED.NEW;
  return <Mark shape={shape} colour={colour} word={word} />;
}

export function OutcomeMark({ ok, words = ["Done", "Failed"] }: { ok: boolean; words?: [ok: string, failed: string] }) {
  return <Mark shape={ok ? "check" : "cross"} colour={ok ? "text-ok" : "text-critical"} word={ok ? words[0] : words[1]} />;
}
