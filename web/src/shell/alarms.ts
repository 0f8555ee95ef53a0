import { useSyncExternalStore } from "react";
import type { LiveEvent } from "../lib/live";
import { plural, sentence } from "../lib/format";
import { notify } from "./notice";

/** From which severity on a new alert is told on every page, and whether it is heard: kept on this device. */
export type Loudness = "off" | "seen" | "heard";

const KEY = "aiops.alarms";
const GATHER_MS = 800;
const LOUD = new Set(["CRITICAL", "HIGH"]);
const listeners = new Set<() => void>();

export function loudness(): Loudness {
  const kept = localStorage.getItem(KEY);
  return kept === "off" || kept === "heard" ? kept : "seen";
}

export function setLoudness(next: Loudness): void {
  localStorage.setItem(KEY, next);
  // The browser lets a page sound only once somebody has touched it: this click is that.
  if (next === "heard") sound();
  for (const listener of listeners) listener();
}

export function useLoudness(): Loudness {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, loudness);
}

interface Fired {
  name: string;
  severity: string;
}

let fired: Fired[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Whether an event is worth saying on every page: it begins, it is grave, and nobody has put it to sleep. */
export function alarming({ event_type, payload }: Pick<LiveEvent, "event_type" | "payload">): boolean {
  return event_type === "ALERT_FIRED" && payload.quiet !== true && LOUD.has(String(payload.severity));
}

/** What a burst is told as. */
export function told(burst: Fired[]): string {
  const [first] = burst;
  if (!first) return "";
  if (burst.length === 1) return `${sentence(first.severity)} alert: ${first.name}`;
  const names = new Set(burst.map(({ name }) => name));
  const which = names.size === 1 ? first.name : `${first.name} and ${plural(names.size - 1, "other")}`;
  return `${burst.length.toLocaleString("en")} alerts: ${which}`;
}

/** A storm is one notice and one sound. */
export function heard(event: LiveEvent): void {
  const how = loudness();
  if (how === "off" || !alarming(event)) return;
  fired.push({ name: String(event.payload.name), severity: String(event.payload.severity) });
  timer ??= setTimeout(() => {
    notify({ text: told(fired) });
    if (how === "heard") sound();
    fired = [];
    timer = undefined;
  }, GATHER_MS);
}

function sound(): void {
  try {
    const audio = new AudioContext();
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    tone.frequency.value = 880;
    volume.gain.setValueAtTime(0.15, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.5);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.5);
    tone.onended = () => void audio.close();
  } catch {
    // A browser without sound still shows the notice.
  }
}
