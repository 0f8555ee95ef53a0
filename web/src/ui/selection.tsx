import { type ReactNode, useEffect, useState } from "react";
import { type Selection, kept, targets, toggled, toggledAll } from "../lib/selection";
import { rowInHand, usePageKeys } from "../shell/pageKeys";
import { useHold, useOnResume } from "../shell/store";

export interface Selecting {
  selected: Selection;
  toggle: (id: string) => void;
  toggleAll: () => void;
  clear: () => void;
  /** What an acting key means now. */
  inHand: () => string[];
}

/** Selecting rows by their box or by x; a selection holds the list still. */
export function useSelecting(ids: readonly string[], enabled = true): Selecting {
  const [selected, setSelected] = useState<Selection>(new Set<string>());
  useEffect(() => setSelected((old) => kept(old, ids)), [ids]);
  useHold("selection", selected.size > 0);
  const clear = () => setSelected(new Set<string>());
  useOnResume(clear);
  const toggle = (id: string) => setSelected((old) => toggled(old, id));
  const inRow = () => {
    const id = rowInHand();
    return id && ids.includes(id) ? id : undefined;
  };
  usePageKeys({
    x: () => {
      const id = inRow();
      if (enabled && id) toggle(id);
    },
    Escape: clear,
  });
  const toggleAll = () => setSelected((old) => toggledAll(old, ids));
  return { selected, toggle, toggleAll, clear, inHand: () => targets(selected, inRow()) };
}

interface BoxProps {
  label: string;
  checked: boolean;
  partly?: boolean;
  onChange: () => void;
}

export function Box({ label, checked, partly = false, onChange }: BoxProps) {
  return (
    // The whole cell takes the click, so that a small box needs no aim; it opens nothing.
    <label className="flex h-full min-h-6 min-w-6 cursor-pointer items-center justify-center" onClick={(event) => event.stopPropagation()}>
      <span className="sr-only">{label}</span>
      <input
        type="checkbox"
        className="size-4 accent-accent"
        checked={checked}
        ref={(box) => {
          if (box) box.indeterminate = partly && !checked;
        }}
        onChange={onChange}
      />
    </label>
  );
}

export function SelectionBar({ selecting, children }: { selecting: Selecting; children: ReactNode }) {
  const count = selecting.selected.size;
  return (
    <div role="status" className={count ? "panel mb-3 flex flex-wrap items-center gap-2 border-accent px-3 py-1.5" : undefined}>
      {count ? (
        <>
          <span className="mr-2 font-medium">{count.toLocaleString("en")} selected</span>
          {children}
          <button type="button" className="button-quiet ml-auto h-7" onClick={selecting.clear}>
            Clear <kbd className="font-mono text-meta">Esc</kbd>
          </button>
        </>
      ) : null}
    </div>
  );
}
