import type { AlertFilters } from "../../api/queries";
import { SelectionBar, type Selecting } from "../../ui/selection";
import type { Asked } from "./AskedDialog";
import { ACTS, type On, type Wish, type useAlertActing } from "./acting";
import { useEffect, useState } from "react";

interface Props {
  selecting: Selecting;
  /** What the list is limited to, and how many that are in all. */
  all: AlertFilters;
  total: number;
  loaded: number;
  acting: ReturnType<typeof useAlertActing>;
  run: (wish: Wish, on: On, done: string) => Promise<void>;
  ask: (kind: Asked["kind"], on: On) => void;
  copy: () => void;
}

export function ActingBar({ selecting, all, total, loaded, acting, run, ask, copy }: Props) {
  const [whole, setWhole] = useState(false);
  const [busy, setBusy] = useState(false);
  const everyRow = selecting.selected.size === loaded && total > loaded;
  useEffect(() => setWhole(false), [selecting.selected]);
  const on: On = whole ? all : [...selecting.selected];
  const act = async (wish: Wish, done: string) => {
    setBusy(true);
    await run(wish, on, done);
    setBusy(false);
  };
  return (
    <SelectionBar selecting={selecting}>
      {everyRow ? (
        <label className="flex items-center gap-1.5">
          <input type="checkbox" className="size-4 accent-accent" checked={whole} onChange={() => setWhole(!whole)} />
          all {total.toLocaleString("en")} of this filter
        </label>
      ) : null}
      {acting.may ? (
        <>
          {ACTS.map((one) => (
            <button key={one.key} type="button" className="button h-7" disabled={busy} onClick={() => void act({ status: one.status }, one.done)}>
              {one.word} <kbd className="font-mono text-meta text-muted">{one.key}</kbd>
            </button>
          ))}
          <button type="button" className="button h-7" disabled={busy} onClick={() => void act({ assignee: acting.name ?? null }, "assigned to you")}>
            Assign to me <kbd className="font-mono text-meta text-muted">m</kbd>
          </button>
          <button type="button" className="button h-7" disabled={busy} onClick={() => ask("snooze", on)}>
            Snooze… <kbd className="font-mono text-meta text-muted">s</kbd>
          </button>
          <button type="button" className="button h-7" disabled={busy} onClick={() => ask("comment", on)}>
            Comment… <kbd className="font-mono text-meta text-muted">c</kbd>
          </button>
        </>
      ) : null}
      <button type="button" className="button h-7" onClick={copy}>
        Copy as text
      </button>
    </SelectionBar>
  );
}
