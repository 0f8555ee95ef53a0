import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { changesBetween } from "../../api/maintenance";
import type { Change } from "../../api/maintenance";
import { plural } from "../../lib/format";
import { isMoving } from "../../lib/time";
import { useLive, useRange } from "../../shell/store";

/** So many are named on the chart itself; more would hide each other's words. */
const NAMED = 3;
const LONGEST = 32;

export interface ChangeMarks {
  rules: { at: number; word: string }[];
  items: Change[];
  total: number;
}

/** What was changed in the time that is shown, on these clusters: the latest of it. */
export function useChangeMarks(clusterIds: string[] | undefined): ChangeMarks {
  const [range] = useRange();
  const { paused } = useLive();
  const found = useQuery(changesBetween(range, clusterIds, !paused && isMoving(range)));
  return useMemo(() => {
    const items = found.data?.items ?? [];
    const word = (one: Change) => (one.title.length > LONGEST ? `${one.title.slice(0, LONGEST)}…` : one.title);
    return {
      rules: items.map((one) => ({ at: Date.parse(one.at) / 1000, word: items.length > NAMED ? "" : word(one) })),
      items,
      total: found.data?.total ?? 0,
    };
  }, [found.data]);
}

/** The same in words. */
export function ChangeList({ marks: { items, total } }: { marks: ChangeMarks }) {
  if (items.length === 0) return null;
  return (
    <details className="text-meta text-muted">
      <summary className="cursor-pointer">
        {plural(total, "change")} in this time
        {total > items.length ? `; the latest ${items.length} are marked` : ""}
      </summary>
      <ul className="mt-1 space-y-0.5">
        {items.map((one) => (
          <li key={one.id}>
            <span className="tabular-nums">{new Date(one.at).toLocaleString()}</span> {one.title}
            {one.cluster ? <span className="font-mono"> {one.cluster}</span> : null}
          </li>
        ))}
      </ul>
    </details>
  );
}
