/** The one time range of all pages: two expressions, resolved to seconds only when a query is sent. */
export interface TimeRange {
  from: string;
  to: string;
}

export interface Span {
  start: number;
  end: number;
}

export const DEFAULT_RANGE: TimeRange = { from: "now-30m", to: "now" };

export const PRESETS = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d"] as const;

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds of `90m` or `1h30m`; null where it is no duration. */
export function parseDuration(text: string): number | null {
  if (!/^(\d+[smhdw])+$/.test(text)) return null;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) seconds += Number(count) * (UNITS[unit ?? ""] ?? 0);
  return seconds > 0 ? seconds : null;
}

/** Unix seconds of `now`, `now-6h`, `2026-01-31 14:00` (in the reader's zone), RFC 3339 or Unix milliseconds. */
export function parseInstant(text: string, nowMs: number): number | null {
  const trimmed = text.trim();
  if (trimmed === "now") return nowMs / 1000;
  const before = /^now\s*-\s*(.+)$/.exec(trimmed)?.[1];
  if (before !== undefined) {
    const ago = parseDuration(before);
    return ago === null ? null : nowMs / 1000 - ago;
  }
  if (/^\d{12,14}$/.test(trimmed)) return Number(trimmed) / 1000;
  if (!/^\d{4}-\d{2}-\d{2}/.test(trimmed)) return null;
  const local = /^\d{4}-\d{2}-\d{2}$/.test(trimmed) ? `${trimmed}T00:00` : trimmed.replace(" ", "T");
  const at = Date.parse(local);
  return Number.isNaN(at) ? null : at / 1000;
}

/** A range as a person types it: `90m`, `now-6h`, `now-6h to now-1h`, two dates with `to` between; null where unreadable. */
export function parseRange(text: string, nowMs: number = Date.now()): TimeRange | null {
  const range = typedRange(text);
  return rangeProblem(range, nowMs) === null ? range : null;
}

function typedRange(text: string): TimeRange {
  const trimmed = text.trim();
  const duration = trimmed.replace(/^last\s+/i, "").replaceAll(/\s+/g, "");
  if (parseDuration(duration) !== null) return { from: `now-${duration}`, to: "now" };
  const [from = "", to = "now"] = trimmed.split(/\s+to\s+/);
  const tidy = (end: string) => end.trim().replace(/^now\s*-\s*/, "now-");
  return { from: tidy(from), to: tidy(to) };
}

/** Why what was typed is no range, in words; null where it is one. */
export function typedProblem(text: string, nowMs: number = Date.now()): string | null {
  return text.trim() ? rangeProblem(typedRange(text), nowMs) : "Nothing is typed.";
}

export function rangeProblem({ from, to }: TimeRange, nowMs: number): string | null {
  const [start, end] = [parseInstant(from, nowMs), parseInstant(to, nowMs)];
  if (start === null) return `“${from}” is no time.`;
  if (end === null) return `“${to}” is no time.`;
  return end > start ? null : "The range ends before it begins.";
}

/** Seconds of a range at a moment; null where an end is unreadable or the range is empty. */
export function resolve(range: TimeRange, nowMs: number): Span | null {
  const start = parseInstant(range.from, nowMs);
  const end = parseInstant(range.to, nowMs);
  return start === null || end === null || end <= start ? null : { start, end };
}

export function resolveOrDefault(range: TimeRange, nowMs: number): Span {
  return resolve(range, nowMs) ?? { start: nowMs / 1000 - 1800, end: nowMs / 1000 };
}

/** A range ends at now when its end moves with the clock. */
export function isMoving(range: TimeRange): boolean {
  return range.to === "now";
}

export function absolute(span: Span): TimeRange {
  return { from: new Date(Math.floor(span.start) * 1000).toISOString(), to: new Date(Math.ceil(span.end) * 1000).toISOString() };
}

/** The range as its field shows it, to be changed by hand. */
export function typedForm(range: TimeRange, nowMs: number = Date.now()): string {
  if (range.to === "now") return range.from;
  const span = resolve(range, nowMs);
  const plain = (text: string, at: number | undefined) => (text.startsWith("now") || at === undefined ? text : localStamp(at));
  return `${plain(range.from, span?.start)} to ${plain(range.to, span?.end)}`;
}

function localStamp(seconds: number): string {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace("T", " ");
}

/** The same length, moved by a part of it (-0.5 is half of it earlier), never past now. */
export function moved(span: Span, by: number, nowMs: number): TimeRange {
  const length = span.end - span.start;
  const shift = Math.min(by * length, nowMs / 1000 - span.end);
  return absolute({ start: span.start + shift, end: span.end + shift });
}

export function wider(span: Span, nowMs: number): TimeRange {
  const length = span.end - span.start;
  const end = Math.min(span.end + length / 2, nowMs / 1000);
  return absolute({ start: end - 2 * length, end });
}

export function describeRange(range: TimeRange, nowMs: number = Date.now()): string {
  const span = resolve(range, nowMs);
  if (!span) return "Unreadable range";
  if (range.to === "now" && range.from.startsWith("now-")) return `Last ${range.from.slice(4)}`;
  const from = new Date(span.start * 1000);
  const to = new Date(span.end * 1000);
  // Seconds count where a few minutes are all that is looked at.
  const time = span.end - span.start < 600 ? clock : (at: Date) => clock(at).slice(0, 5);
  const sameDay = from.toDateString() === to.toDateString();
  return `${day(from)}, ${time(from)} – ${sameDay ? "" : `${day(to)}, `}${time(to)}`;
}

const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

/** The smallest handy step that keeps a range within `points` points. */
export function stepFor(span: Span, points = 360): number {
  const wanted = (span.end - span.start) / points;
  return STEPS.find((step) => step >= wanted) ?? 86_400;
}

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const STAMP = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

const DAY = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });

function day(at: Date): string {
  return DAY.format(at);
}

export function clock(at: Date | string): string {
  return CLOCK.format(typeof at === "string" ? new Date(at) : at);
}

export function stamp(at: Date | string): string {
  return STAMP.format(typeof at === "string" ? new Date(at) : at);
}

/** `12 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) {
    const minutes = Math.floor((whole % 3600) / 60);
    return `${Math.floor(whole / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  return `${Math.floor(whole / 86_400)} d`;
}

export function ago(at: string | number, nowMs: number): string {
  const then = typeof at === "number" ? at : Date.parse(at);
  // Below one second, and for a clock of the hub that is a little ahead.
  if (nowMs - then < 1000) return "just now";
  return `${formatDuration((nowMs - then) / 1000)} ago`;
}
