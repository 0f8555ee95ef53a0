import { useEffect, useSyncExternalStore } from "react";

export interface Notice {
  text: string;
  failed?: boolean;
  undo?: () => void;
}

let shown: Notice | null = null;
const listeners = new Set<() => void>();

/** Says what has just been done, at the foot of the window, and how to undo it. */
export function notify(notice: Notice | null): void {
  shown = notice;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const SHOWN_MS = 8000;

export function NoticeLine() {
  const notice = useSyncExternalStore(subscribe, () => shown);
  useEffect(() => {
    // What failed stays until somebody has seen it.
    if (!notice || notice.failed) return;
    const timer = setTimeout(() => notify(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 bottom-4 z-30 flex justify-center px-3">
      {notice ? (
        <p
          className={`menu pointer-events-auto flex items-center gap-3 px-3 py-2 ${notice.failed ? "border-critical" : ""}`}
        >
          <span className={notice.failed ? "text-critical" : ""}>{notice.text}</span>
          {notice.undo ? (
            <button
              type="button"
              className="button h-7"
              onClick={() => {
                notify(null);
                notice.undo?.();
              }}
            >
              Undo
            </button>
          ) : null}
          <button type="button" className="button-quiet h-7" aria-label="Close" onClick={() => notify(null)}>
            ✕
          </button>
        </p>
      ) : null}
    </div>
  );
}
