import { useEffect, useRef } from "react";
import { runPageKey } from "./pageKeys";

interface Actions {
  go: (letter: string) => void;
  palette: () => void;
  help: () => void;
  pause: () => void;
}

/** Whether a letter belongs to the element; a box to tick takes none but the space bar. */
function typing(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** `g` then a letter goes to a page, `/` to the page's search, `Ctrl K` opens the palette, `?` the list of all these. */
export function useShortcuts(actions: Actions): void {
  const current = useRef(actions);
  useEffect(() => {
    current.current = actions;
  });
  useEffect(() => {
    let gAt = 0;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        return current.current.palette();
      }
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (typing(event.target)) return event.key === "Escape" ? leaveSearch(event.target) : undefined;
      if (document.querySelector('[role="dialog"]')) return;
      if (Date.now() - gAt < 1200) {
        gAt = 0;
        return current.current.go(event.key);
      }
      if (event.key === "g") gAt = Date.now();
      else if (event.key === "?") current.current.help();
      else if (event.key === "p") current.current.pause();
      else if (event.key === "/") focusSearch(event);
      else if (event.key === "j" || event.key === "k") moveRow(event.key === "j" ? 1 : -1);
      else runPageKey(event.key);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

function focusSearch(event: KeyboardEvent): void {
  const search = document.querySelector<HTMLElement>("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
}

/** Esc gives the letters back to the page. */
function leaveSearch(target: EventTarget | null): void {
  if (target instanceof HTMLElement && target.matches("[data-search]")) target.blur();
}

/** Rows that can be opened carry `data-row`: j and k walk them. */
function moveRow(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}
