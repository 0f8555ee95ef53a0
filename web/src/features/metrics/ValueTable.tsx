import { useMemo, useState } from "react";
import type { InstantResult } from "../../api/types";
import { formatValue, plural, toNumber } from "../../lib/format";

const LISTED = 500;
const VALUE = "\u0000value";

type Row = InstantResult["series"][number];

/** The labels that tell the series apart, `cluster` first; those that all share alike come last. */
export function columnsOf(series: Row[]): string[] {
  const values = new Map<string, Set<string>>();
  for (const { metric } of series)
    for (const [label, value] of Object.entries(metric)) values.set(label, (values.get(label) ?? new Set()).add(value));
  const alike = (label: string) => Number((values.get(label)?.size ?? 0) === 1 && series.length > 1);
  const first = (label: string) => (label === "cluster" ? 0 : label === "__name__" ? 2 : 1);
  return [...values.keys()].sort((a, b) => alike(a) - alike(b) || first(a) - first(b) || a.localeCompare(b));
}

/** Rows in the order of a column: values by size, the highest first, labels by their text. */
export function ordered(series: Row[], by: string, up: boolean): Row[] {
  const sign = up ? 1 : -1;
  return series.toSorted((a, b) =>
    by === VALUE
      ? sign * ((toNumber(a.value[1]) ?? -Infinity) - (toNumber(b.value[1]) ?? -Infinity))
      : sign * (a.metric[by] ?? "").localeCompare(b.metric[by] ?? "", "en", { numeric: true }),
  );
}

/** The values of one moment, a row a series. */
export function ValueTable({ series, unit }: { series: Row[]; unit: string }) {
  const [by, setBy] = useState(VALUE);
  const [up, setUp] = useState(false);
  const columns = useMemo(() => columnsOf(series), [series]);
  const rows = useMemo(() => ordered(series, by, up).slice(0, LISTED), [series, by, up]);
  const sort = (column: string) => {
    setUp(by === column ? !up : column !== VALUE);
    setBy(column);
  };
  return (
    <div className="max-h-[60vh] overflow-auto border-t border-line">
      <table className="table">
        <thead className="sticky top-0 bg-panel">
          <tr>
            {[...columns, VALUE].map((column) => (
              <th
                key={column}
                scope="col"
                aria-sort={by === column ? (up ? "ascending" : "descending") : undefined}
                className={column === VALUE ? "text-right" : ""}
              >
                <button type="button" className="hover:text-text" onClick={() => sort(column)}>
                  {column === VALUE ? "Value" : column} {by === column ? (up ? "▴" : "▾") : ""}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ metric, value }) => (
            <tr key={JSON.stringify(metric)}>
              {columns.map((column) => (
                <td key={column} className="font-mono text-meta whitespace-nowrap">
                  {metric[column]}
                </td>
              ))}
              <td className="text-right whitespace-nowrap" title={value[1]}>
                {toNumber(value[1]) === null ? value[1] : formatValue(toNumber(value[1]), unit)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="px-3 py-2 text-meta text-muted">
        {plural(series.length, "series", "series")}
        {series.length > LISTED ? `; ${LISTED} are listed` : ""}
      </p>
    </div>
  );
}
