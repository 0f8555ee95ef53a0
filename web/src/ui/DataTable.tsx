import { type ReactNode, useMemo, useState } from "react";
import { plural } from "../lib/format";

export interface Column<T> {
  name: string;
  /** What rows are ordered by: numbers by size, texts by their letters; unknown ones stay at the end. */
  by: (row: T) => number | string | null | undefined;
  /** What is shown, if not that. */
  cell?: (row: T) => ReactNode;
  right?: boolean;
  /** Left out on narrow windows. */
  wide?: boolean;
}

interface Props<T> {
  label: string;
  rows: T[];
  columns: Column<T>[];
  rowKey: (row: T) => string;
  /** The column that orders at first, its highest on top. */
  first?: string;
  most?: number;
}

/** Rows in the order of one column; unknown values stay at the end either way. */
export function inOrder<T>(rows: T[], by: Column<T>["by"], up: boolean): T[] {
  const sign = up ? 1 : -1;
  return rows.toSorted((a, b) => {
    const [one, other] = [by(a), by(b)];
    if (one === null || one === undefined) return other === null || other === undefined ? 0 : 1;
    if (other === null || other === undefined) return -1;
    if (typeof one === "number" && typeof other === "number") return sign * (one - other);
    return sign * String(one).localeCompare(String(other), "en", { numeric: true });
  });
}

/** A table whose heads order it. */
export function DataTable<T>({ label, rows, columns, rowKey, first, most = 500 }: Props<T>) {
  const [by, setBy] = useState(first ?? columns[0]?.name ?? "");
  const [up, setUp] = useState(first === undefined);
  const column = columns.find(({ name }) => name === by) ?? columns[0];
  const shown = useMemo(() => (column ? inOrder(rows, column.by, up).slice(0, most) : rows), [rows, column, up, most]);
  const order = (name: string) => {
    setUp(by === name ? !up : true);
    setBy(name);
  };
  const hidden = (one: Column<T>) => (one.wide ? "max-lg:hidden" : "");
  return (
    <div className="overflow-x-auto">
      <table className="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map((one) => (
              <th
                key={one.name}
                scope="col"
                className={`${one.right ? "text-right" : ""} ${hidden(one)}`}
                aria-sort={one.name === by ? (up ? "ascending" : "descending") : undefined}
              >
                <button type="button" className="hover:text-text" onClick={() => order(one.name)}>
                  {one.name} {one.name === by ? (up ? "▴" : "▾") : ""}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((one) => (
                <td key={one.name} className={`${one.right ? "text-right whitespace-nowrap" : ""} ${hidden(one)}`}>
                  {one.cell ? one.cell(row) : (one.by(row) ?? <span className="text-muted">–</span>)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most ? (
        <p className="px-3 py-2 text-meta text-muted">
          {most} of {plural(rows.length, "row")}. Narrow them by cluster or by a word.
        </p>
      ) : null}
    </div>
  );
}
