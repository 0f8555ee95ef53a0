/** The live tail: one WebSocket, a bounded store of lines, and what was lost on the way. */

import type { LogLine } from "../../api/signals";
import { backoff } from "../../lib/live";

export const KEPT = 2000;

export interface TailState {
  /** Newest last. */
  lines: LogLine[];
  connection: "connecting" | "open" | "lost" | "ended";
  /** Why the hub ended it. */
  error: string | null;
  /** Clusters that are not followed now, and why. */
  lost: Record<string, string>;
  followed: string[];
  /** Lines that will not come. */
  missed: number;
}

export const EMPTY: TailState = { lines: [], connection: "connecting", error: null, lost: {}, followed: [], missed: 0 };

type Frame =
  | { type: "lines"; lines: LogLine[] }
  | { type: "cluster"; cluster: string; state: "FOLLOWING" | "LOST"; error: string | null }
  | { type: "lost"; count: number }
  | { type: "error"; code: string; message: string }
  | { type: "auth_response" | "ping" | "pong" | "disconnect" };

/** The state after one frame of the hub. */
export function after(state: TailState, frame: Frame): TailState {
  if (frame.type === "lines") return { ...state, lines: [...state.lines, ...frame.lines].slice(-KEPT) };
  if (frame.type === "lost") return { ...state, missed: state.missed + frame.count };
  if (frame.type === "auth_response") return { ...state, connection: "open", error: null };
  if (frame.type === "error") return { ...state, error: frame.message };
  if (frame.type !== "cluster") return state;
  const { [frame.cluster]: _, ...others } = state.lost;
  const followed = state.followed.filter((name) => name !== frame.cluster);
  if (frame.state === "FOLLOWING") return { ...state, lost: others, followed: [...followed, frame.cluster] };
  return { ...state, lost: { ...others, [frame.cluster]: frame.error ?? "no reason given" }, followed };
}

const FINAL = new Set(["INVALID_SUBSCRIPTION", "RATE_LIMITED", "AUTH_FAILED", "AUTH_EXPIRED"]);

/** Follows until `stop` is called. Its lines come in bursts, so the page is told at most ten times a second. */
export function follow(query: string, clusterIds: string[], tell: (state: TailState) => void): () => void {
  let state = EMPTY;
  let attempt = 0;
  let stopped = false;
  let socket: WebSocket | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let due: ReturnType<typeof setTimeout> | undefined;
  let since: string | null = null;
  const change = (next: TailState) => {
    state = next;
    due ??= setTimeout(() => {
      due = undefined;
      tell(state);
    }, 100);
  };
  const open = () => {
    const search = new URLSearchParams({ query });
    for (const id of clusterIds) search.append("cluster_id", id);
    // After a lost line, from the newest line on: what came meanwhile is still to be had.
    if (since !== null) search.set("start", since);
    let final = false;
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/logs/tail?${search}`);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame;
      if (frame.type === "ping") return socket?.send('{"type":"pong"}');
      if (frame.type === "auth_response") attempt = 0;
      if (frame.type === "error" && FINAL.has(frame.code)) final = true;
      if (frame.type === "lines") since = nextAfter(frame.lines, since);
      change(after(state, frame));
    };
    socket.onclose = () => {
      if (stopped) return;
      change({ ...state, connection: final ? "ended" : "lost", followed: [] });
      if (!final) retry = setTimeout(open, backoff(attempt++));
    };
  };
  open();
  return () => {
    stopped = true;
    clearTimeout(retry);
    clearTimeout(due);
    socket?.close();
  };
}

/** Unix nanoseconds just behind the newest of these lines. */
export function nextAfter(lines: readonly LogLine[], before: string | null): string | null {
  const newest = lines.map(({ timestamp }) => timestamp).toSorted().at(-1);
  if (newest === undefined) return before;
  const seconds = BigInt(Date.parse(`${newest.slice(0, 19)}Z`) / 1000);
  const next = seconds * 1_000_000_000n + BigInt(newest.slice(20, 29)) + 1n;
  return before === null || next > BigInt(before) ? String(next) : before;
}
