import { useState } from "react";
import { copyText } from "../lib/copy";

/** A text to be copied whole: a token, a configuration. */
export function Copyable({ label, text }: { label: string; text: string }) {
  const [done, setDone] = useState<{ text: string; ok: boolean } | null>(null);
  const told = done?.text === text ? done : null;
  const copy = async () => setDone({ text, ok: await copyText(text) });
  return (
    <div className="relative rounded border border-control bg-bg">
      <pre className="min-h-9 overflow-x-auto p-2 pr-24 font-mono text-meta whitespace-pre-wrap break-all select-all">{text}</pre>
      <button type="button" className="button absolute top-1 right-1 h-7" onClick={() => void copy()}>
        <span aria-live="polite">{told ? (told.ok ? "Copied" : "Select it") : "Copy"}</span>
        <span className="sr-only"> {label}</span>
      </button>
    </div>
  );
}
