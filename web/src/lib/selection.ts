/** What of a list is selected, kept to what the list still holds. */
export type Selection = ReadonlySet<string>;

export function toggled(selection: Selection, id: string): Selection {
  const next = new Set(selection);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** All of them, or none where all were selected. */
export function toggledAll(selection: Selection, ids: readonly string[]): Selection {
  return ids.every((id) => selection.has(id)) ? new Set() : new Set(ids);
}

export function kept(selection: Selection, ids: readonly string[]): Selection {
  const there = ids.filter((id) => selection.has(id));
  return there.length === selection.size ? selection : new Set(there);
}

/** What a key acts on: the selection, or the row in hand where nothing is selected. */
export function targets(selection: Selection, inHand: string | undefined): string[] {
  if (selection.size) return [...selection];
  return inHand ? [inHand] : [];
}
