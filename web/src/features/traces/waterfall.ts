/** The rows of a waterfall: which spans are in sight, and where their bars lie. */

import type { Span } from "../../api/signals";

/** The spans that are in sight when these are folded; `spans` lie as the tree is read. */
export function inSight(spans: readonly Span[], folded: ReadonlySet<string>): Span[] {
  const shown: Span[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const span of spans) {
    if (span.depth > hiddenBelow) continue;
    hiddenBelow = Number.POSITIVE_INFINITY;
    shown.push(span);
    if (folded.has(span.span_id)) hiddenBelow = span.depth;
  }
  return shown;
}

/** Left edge and width of a bar in percent of the trace. */
export function bar(span: Span, traceMs: number): { left: number; width: number } {
  if (traceMs <= 0) return { left: 0, width: 100 };
  const left = Math.min(99.8, Math.max(0, (span.offset_ms / traceMs) * 100));
  return { left, width: Math.max(0.2, Math.min(100 - left, (span.duration_ms / traceMs) * 100)) };
}

/** What the key does to the row in hand: where the hand goes, and whether the row folds or unfolds. */
export function keyed(
  key: string,
  rows: readonly Span[],
  at: number,
  folded: ReadonlySet<string>,
): { to: number; fold?: boolean } | null {
  const row = rows[at];
  if (!row) return null;
  if (key === "ArrowDown") return { to: Math.min(rows.length - 1, at + 1) };
  if (key === "ArrowUp") return { to: Math.max(0, at - 1) };
  if (key === "Home") return { to: 0 };
  if (key === "End") return { to: rows.length - 1 };
  const isFolded = folded.has(row.span_id);
  if (key === "ArrowRight") {
    if (!row.children) return { to: at };
    return isFolded ? { to: at, fold: false } : { to: at + 1 };
  }
  if (key === "ArrowLeft") {
    if (row.children && !isFolded) return { to: at, fold: true };
    const parent = rows.slice(0, at).findLastIndex(({ depth }) => depth < row.depth);
    return { to: Math.max(0, parent < 0 ? at : parent) };
  }
  return null;
}

/** `1.25 s`, `310 ms`, `42 µs` */
export function took(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms >= 10_000 ? 1 : 2)} s`;
  if (ms >= 1) return `${ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : 2)} ms`;
  return `${Math.round(ms * 1000)} µs`;
}
