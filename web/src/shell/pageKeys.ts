import { useEffect, useRef } from "react";

type Handlers = Partial<Record<string, () => void>>;

const stack: { current: Handlers }[] = [];

/** The keys of the page in sight; they hold while it is, the newest first. */
export function usePageKeys(handlers: Handlers): void {
  const current = useRef(handlers);
  useEffect(() => {
    current.current = handlers;
  });
  useEffect(() => {
    stack.unshift(current);
    return () => void stack.splice(stack.indexOf(current), 1);
  }, []);
}

/** Runs what the page does on this key; false where it does nothing. */
export function runPageKey(key: string): boolean {
  const handler = stack.map(({ current }) => current[key]).find(Boolean);
  handler?.();
  return handler !== undefined;
}

/** The row that has the focus, or that the pointer is on: what x and the acting keys mean. */
export function rowInHand(): string | undefined {
  const focused = document.activeElement?.closest<HTMLElement>("[data-row-id]");
  const pointed = [...document.querySelectorAll<HTMLElement>("[data-row-id]:hover")].at(-1);
  return (focused ?? pointed)?.dataset.rowId;
}
