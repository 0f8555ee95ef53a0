import { useEffect, useRef, useState } from "react";
import { plural } from "../../lib/format";
import { Empty, Failure } from "../../ui/feedback";
import { LogLines } from "./LogLines";
import { EMPTY, type TailState, follow } from "./tail";

interface Props {
  query: string;
  clusterIds?: string[];
  wrap: boolean;
  onFilter: (name: string, value: string, how: "=" | "!=", ofStream: boolean) => void;
}

const SHOWN = 500;
const NONE: string[] = [];

/** Lines as they are written, newest first; paused, what is shown stays and what comes is counted. */
export function LiveTail({ query, clusterIds = NONE, wrap, onFilter }: Props) {
  const [state, setState] = useState<TailState>(EMPTY);
  const [still, setStill] = useState<TailState | null>(null);
  const latest = useRef(state);
  const ids = clusterIds.join(" ");
  useEffect(() => {
    setState(EMPTY);
    setStill(null);
    return follow(query, ids ? ids.split(" ") : [], (next) => {
      latest.current = next;
      setState(next);
    });
  }, [query, ids]);
  const shown = still ?? state;
  const newest = still?.lines.at(-1);
  const waiting = still ? state.lines.length - 1 - (newest ? state.lines.lastIndexOf(newest) : -1) : 0;
  const lost = Object.entries(state.lost);
  return (
    <section aria-label="Live tail" className="space-y-2">
      <div className="flex flex-wrap items-center gap-3">
        <button type="button" className="button" aria-pressed={still !== null} onClick={() => setStill(still ? null : state)}>
          {still ? `Go on${waiting ? `, ${waiting} new` : ""}` : "Pause the tail"}
        </button>
        <p role="status" className="text-muted">
          {state.connection === "open" ? `Following ${plural(state.followed.length, "cluster")}` : null}
          {state.connection === "connecting" ? "Connecting" : null}
          {state.connection === "lost" ? "The line is lost; trying again" : null}
        </p>
        {lost.length ? (
          <p className="text-high">
            Not followed: {lost.slice(0, 3).map(([name, why]) => `${name} (${why})`).join("; ")}
            {lost.length > 3 ? `; and ${lost.length - 3} more` : ""}
          </p>
        ) : null}
        {state.missed ? <p className="text-high">{plural(state.missed, "line")} did not come through</p> : null}
      </div>
      {state.connection === "ended" ? <Failure what="The tail" error={state.error ?? "The hub ended it."} /> : null}
      {shown.lines.length ? (
        <LogLines lines={shown.lines.slice(-SHOWN).toReversed()} wrap={wrap} onFilter={onFilter} />
      ) : (
        <div className="panel">
          <Empty title="No line yet">Lines appear as they are written.</Empty>
        </div>
      )}
    </section>
  );
}
