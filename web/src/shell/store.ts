import { useNavigate, useSearch } from "@tanstack/react-router";
import { createContext, useCallback, useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type Live, type LiveState, POINTER } from "../lib/live";
import { type Span, type TimeRange, DEFAULT_RANGE, absolute } from "../lib/time";

export const LiveContext = createContext<Live | null>(null);

export function useLive(): LiveState & { setPaused: (paused: boolean) => void } {
  const live = useLiveStream();
  const state = useSyncExternalStore(live.subscribe, live.snapshot);
  return { ...state, setPaused: (paused) => live.setPaused(paused) };
}

export function useLiveStream(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("no live stream above this component");
  return live;
}

/** Keeps the page still while `holding`; lets go when the page is left. */
export function useHold(reason: string, holding: boolean): void {
  const live = useLiveStream();
  useEffect(() => {
    if (!holding) return;
    live.hold(reason);
    return () => live.release(reason);
  }, [live, reason, holding]);
}

/** Has the hub make events that it makes only for those who look; `wanting` says whether this page does. */
export function useWant(eventType: string, wanting: boolean, clusterIds: string[] = []): void {
  const live = useLiveStream();
  const key = clusterIds.join(" ");
  useEffect(() => {
    if (!wanting) return;
    return live.want([eventType], key ? key.split(" ") : []);
  }, [live, eventType, wanting, key]);
}

const STILL_MS = 5000;

/** No row moves under the cursor: a list is held while the pointer moves over it, and for a moment after. */
export function useHoldUnderPointer(): { onPointerMove: () => void; onPointerLeave: () => void } {
  const live = useLiveStream();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const leave = useCallback(() => {
    clearTimeout(timer.current);
    live.release(POINTER);
  }, [live]);
  useEffect(() => leave, [leave]);
  const move = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(leave, STILL_MS);
    live.hold(POINTER);
  };
  return { onPointerMove: move, onPointerLeave: leave };
}

/** Runs when a page that was held goes on. */
export function useOnResume(run: () => void): void {
  const { resumed } = useLive();
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  const seen = useRef(resumed);
  useEffect(() => {
    if (seen.current !== resumed) latest.current();
    seen.current = resumed;
  }, [resumed]);
}

export function useRange(): [TimeRange, (range: TimeRange) => void] {
  const search = useSearch({ strict: false }) as Partial<TimeRange>;
  const navigate = useNavigate();
  const set = useCallback(
    (range: TimeRange) => void navigate({ to: ".", search: (old: object) => ({ ...old, ...range }) }),
    [navigate],
  );
  return [{ from: search.from ?? DEFAULT_RANGE.from, to: search.to ?? DEFAULT_RANGE.to }, set];
}

/** Zooming is a step in the browser's history, so that Back undoes it. */
export function useZoom(): (span: Span) => void {
  const [, setRange] = useRange();
  return useCallback((span: Span) => setRange(absolute(span)), [setRange]);
}

/** The present, moving on every `everyMs`. */
export function useNow(everyMs = 5000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export type Theme = "dark" | "light";

export function initialTheme(): Theme {
  const kept = localStorage.getItem("aiops.theme");
  if (kept === "dark" || kept === "light") return kept;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

const themeListeners = new Set<() => void>();

export function setTheme(theme: Theme, keep = true): void {
  document.documentElement.dataset.theme = theme;
  if (keep) localStorage.setItem("aiops.theme", theme);
  for (const listener of themeListeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      themeListeners.add(listener);
      return () => themeListeners.delete(listener);
    },
    () => (document.documentElement.dataset.theme === "light" ? "light" : "dark"),
  );
}

/** Whether a media query holds, as the window changes. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}
