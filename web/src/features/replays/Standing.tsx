import type { ReplayRun } from "../../api/replays";
import { stamp } from "../../lib/time";
import { Meter } from "../../ui/Meter";

const STAGES: Record<string, string> = {
  ALERTS: "Reading alerts",
  METRICS: "Reading metrics",
  DETECTION: "Looking for anomalies",
  CORRELATION: "Gathering incidents",
};

export const spanOf = ({ start, end }: { start: string; end: string }): string => `${stamp(start)} to ${stamp(end)}`;

/** How far a replay is, or what came of it. */
export function Standing({ run }: { run: ReplayRun }) {
  if (run.error) return <span className="text-critical">{run.error}</span>;
  if (run.summary) return <span className="font-medium">{run.summary}</span>;
  if (!run.progress) return <span className="text-muted">{run.status === "QUEUED" ? "Waits for its turn" : "Begins"}</span>;
  const { stage, done, total, what } = run.progress;
  const word = STAGES[stage] ?? stage;
  return (
    <span className="flex min-w-64 flex-wrap items-center gap-x-3">
      <span className="w-44">{word}</span>
      <span className="min-w-40 flex-1">
        <Meter percent={(100 * done) / Math.max(total, 1)} label={word} text={`${done} of ${total}`} />
      </span>
      <span className="w-full truncate text-meta text-muted">{what}</span>
    </span>
  );
}
