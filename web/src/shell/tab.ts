import { useEffect, useSyncExternalStore } from "react";

let title = "";
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the page is called in the browser's tab and history. */
export function useTitle(text: string | undefined): void {
  useEffect(() => {
    title = text ?? "";
    for (const listener of listeners) listener();
  }, [text]);
}

export function tabTitle(page: string, open: number): string {
  const name = page ? `${page} · AIOps` : "AIOps";
  return open ? `(${open}) ${name}` : name;
}

export function tabIcon(open: number, lost: boolean): string {
  return lost ? "/icon-lost.svg" : open ? "/icon-open.svg" : "/icon.svg";
}

/** Says in the tab how many incidents are open, and whether the page still hears the hub. */
export function useTab(open: number, lost: boolean): void {
  const page = useSyncExternalStore(subscribe, () => title);
  useEffect(() => {
    document.title = tabTitle(page, open);
    document.querySelector('link[rel="icon"]')?.setAttribute("href", tabIcon(open, lost));
  }, [page, open, lost]);
}
