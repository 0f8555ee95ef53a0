import { useRouterState } from "@tanstack/react-router";
import type { LiveState } from "../lib/live";
import { clock } from "../lib/time";
import { useLive, useNow } from "./store";

/** What came while the page stood still, of the kind that the page shows. */
export function newOf(state: Pick<LiveState, "waiting" | "waitingFor">, path: string): number {
  if (path.startsWith("/alerts")) return state.waitingFor.alerts ?? 0;
  if (path === "/incidents") return state.waitingFor.incidents ?? 0;
  if (path === "/traces") return state.waitingFor.traces ?? 0;
  return state.waiting;
}

function wordOf({ connection, paused, lightly }: LiveState, fresh: number): string {
  if (paused && (!lightly || fresh)) return fresh ? `Paused, ${fresh} new` : "Paused";
  if (connection === "reconnecting") return "Reconnecting";
  return connection === "open" ? "Live" : "Connecting";
}

export function LiveButton() {
  const live = useLive();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const word = wordOf(live, newOf(live, path));
  const paused = word.startsWith("Paused");
  const broken = live.connection !== "open";
  const colour = paused ? "text-medium" : broken ? "text-high" : "text-ok";
  return (
    <button
      type="button"
      className={`button h-7 px-2 ${colour}`}
      aria-pressed={paused}
      title={paused ? "Show what is new and go on (p)" : "Pause (p)"}
      onClick={() => live.setPaused(!paused)}
    >
      <svg viewBox="0 0 12 12" className="size-3" aria-hidden="true">
        {paused ? (
          <path d="M3 1.5v9M9 1.5v9" stroke="currentColor" strokeWidth="3" />
        ) : (
          <circle cx="6" cy="6" r="4" fill={broken ? "none" : "currentColor"} stroke="currentColor" strokeWidth="2" />
        )}
      </svg>
      {word}
    </button>
  );
}

const PATIENCE_MS = 3000;

/** A lost line is told once it has been lost for a moment; a blink of it is not worth a line on every page. */
export function LostLine() {
  const { lostAt } = useLive();
  const now = useNow(1000);
  const told = lostAt !== null && now - lostAt > PATIENCE_MS;
  return (
    <div role="status" className="shrink-0">
      {told ? (
        <p className="border-b border-high bg-panel px-3 py-1 text-high md:px-4">
          Reconnecting: the hub’s live line is lost since {clock(new Date(lostAt))}. What you see may be older than it
          looks, and is read again once the line is back.
        </p>
      ) : null}
    </div>
  );
}
