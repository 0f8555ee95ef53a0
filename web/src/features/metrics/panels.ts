import type { Labels, Panel } from "../../api/types";
import { selector, subject } from "../../lib/format";

/** A panel as the page's address holds it: what is left out is as usual. */
export interface PanelState {
  q: string;
  title?: string;
  /** One of `UNITS`; left out, it is read off the query. */
  unit?: string;
  legend?: string;
  view?: "table";
  width?: number;
}

export interface PanelsSearch {
  q?: string;
  panels?: PanelState[];
}

export const UNITS = ["none", "ratio", "bytes", "bytes/s", "seconds", "req/s", "ops/s"] as const;
export const WIDTHS = [4, 6, 12] as const;
const MOST = 40;

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** What of an address is a list of panels. */
export function readPanels(value: unknown): PanelState[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.slice(0, MOST).flatMap((one: unknown): PanelState[] => {
    if (typeof one !== "object" || one === null) return [];
    const { q, title, unit, legend, view, width } = one as Record<string, unknown>;
    return [
      tidy({
        q: typeof q === "string" ? q : "",
        title: isText(title) ? title : undefined,
        unit: isText(unit) ? unit : undefined,
        legend: isText(legend) ? legend : undefined,
        view: view === "table" ? view : undefined,
        width: typeof width === "number" && width >= 3 && width <= 12 ? Math.round(width) : undefined,
      }),
    ];
  });
  return found.length ? found : undefined;
}

/** Without what is as usual, so that an address says no more than it must. */
function tidy(panel: PanelState): PanelState {
  return Object.fromEntries(Object.entries(panel).filter(([, value]) => value !== undefined)) as unknown as PanelState;
}

/** The panels of an address; there is always one to write in. */
export function panelsOf({ q, panels }: PanelsSearch): PanelState[] {
  return panels ?? [{ q: q ?? "" }];
}

/** The shortest address of these panels: a lone query stands there as it is. */
export function searchOf(panels: PanelState[]): PanelsSearch {
  const [only] = panels;
  const plain = panels.length === 1 && only !== undefined && Object.keys(tidy(only)).length === 1;
  return plain ? { q: only.q || undefined, panels: undefined } : { q: undefined, panels: panels.map(tidy) };
}

/** How many of 12 columns a panel takes: a lone one all of them. */
export function widthOf(panel: PanelState, count: number): number {
  return panel.width ?? (count === 1 ? 12 : 6);
}

export function saved({ q, title, unit, legend, view, width }: PanelState, count: number): Panel {
  return {
    query: q,
    title: title ?? "",
    unit: unit ?? "",
    legend: legend ?? "",
    view: view === "table" ? "TABLE" : "LINES",
    width: widthOf({ q, width }, count),
  };
}

export function opened({ query, title, unit, legend, view, width }: Panel): PanelState {
  return tidy({
    q: query,
    title: title || undefined,
    unit: unit || undefined,
    legend: legend || undefined,
    view: view === "TABLE" ? "table" : undefined,
    width,
  });
}

/** The name of a line: by its legend (`{{instance}}`), else as PromQL writes it. */
export function legendOf(template: string | undefined, metric: Labels): string {
  if (!template) return selector(metric) || "{}";
  const name = template.replaceAll(/\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g, (_, label: string) => metric[label] ?? "");
  return name.trim() || subject(metric) || "{}";
}

const RATED = /\b(?:rate|irate|increase|delta|deriv)\s*\(/;

/** The unit that a query's names tell of, by Prometheus' own rules of naming; none where it can't be told. */
export function guessUnit(query: string): string {
  const text = query.replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'|`[^`]*`|\{[^}]*\}|\[[^\]]*\]/g, "");
  // A quotient of two is of another unit than either; of the same unit it is a ratio.
  const parts = text.split("/").map((part) => unitOf(part));
  const [first = "", second] = parts;
  if (parts.length === 1) return first;
  return parts.length === 2 && first !== "" && first === second ? "ratio" : "";
}

function unitOf(text: string): string {
  const names = text.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? [];
  const endsWith = (suffix: string) => names.some((name) => name.endsWith(suffix));
  const rated = RATED.test(text);
  if (/\bcount(?:_values)?\b/.test(text)) return "";
  if (endsWith("_ratio")) return "ratio";
  if (endsWith("_bytes_total")) return rated && !/\bincrease\s*\(/.test(text) ? "bytes/s" : "bytes";
  if (endsWith("_bytes")) return "bytes";
  if (/\bhistogram_quantile\b/.test(text) && endsWith("_seconds_bucket")) return "seconds";
  // Seconds a second: how busy something is.
  if (endsWith("_seconds_total")) return rated ? (/\bincrease\s*\(/.test(text) ? "seconds" : "ratio") : "seconds";
  if (endsWith("_seconds") && !rated) return "seconds";
  if (rated && endsWith("_requests_total") && !/\bincrease\s*\(/.test(text)) return "req/s";
  return "";
}

/** The unit to show: as said, or as read off the query. */
export function shownUnit({ q, unit }: PanelState): string {
  if (unit === undefined) return guessUnit(q);
  return unit === "none" ? "" : unit;
}
