import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useMemo, useRef, useState } from "react";
import { call } from "../api/client";
import { incidents, me, refresh } from "../api/queries";
import { Live, type Socket } from "../lib/live";
import { LiveContext, setTheme, useLive, useTheme } from "./store";
import { Help } from "./Help";
import { LiveButton, LostLine } from "./LiveButton";
import { NoticeLine } from "./notice";
import { useTab } from "./tab";
import { useShortcuts } from "./keys";
import { zone } from "../lib/time";
import { RangeProblem, TimePicker, hasRange } from "./TimePicker";

const Palette = lazy(() => import("./Palette"));

export const PAGES = [
  { to: "/fleet", name: "Fleet", key: "f", icon: "M2 3h5v4H2zM9 3h5v4H9zM2 9h5v4H2zM9 9h5v4H9z" },
  { to: "/metrics-explorer", name: "Metrics", key: "m", icon: "M2 13V3M2 13h12M4.5 10l3-4 2.5 2.5L14 4" },
  { to: "/logs", name: "Logs", key: "l", icon: "M2 3.5h12M2 6.5h8M2 9.5h12M2 12.5h6" },
  { to: "/patterns", name: "Log patterns", key: "p", icon: "M2 4h5M9.5 4H14M2 8h3M7.5 8H14M2 12h7M11.5 12H14" },
  { to: "/traces", name: "Traces", key: "t", icon: "M2 3.5h8M5 8h7M9 12.5h5" },
  { to: "/dashboards", name: "Dashboards", key: "d", icon: "M2 2.5h7v6H2zM11 2.5h3v6h-3zM2 10.5h3v3H2zM7 10.5h7v3H7z" },
  { to: "/gpu", name: "GPUs", key: "u", icon: "M4 4h8v8H4zM6.5 1.5v2.5M9.5 1.5v2.5M6.5 12v2.5M9.5 12v2.5M1.5 6.5H4M1.5 9.5H4M12 6.5h2.5M12 9.5h2.5" },
  { to: "/cnf", name: "Network functions", key: "n", icon: "M8 5.5V2.5M8 5.5L3.5 11M8 5.5l4.5 5.5M6.5 2h3v3h-3zM2 11h3v3H2zM11 11h3v3h-3z" },
  { to: "/alerts", name: "Alerts", key: "a", icon: "M8 2a4 4 0 0 1 4 4v3l1.5 2.5h-11L4 9V6a4 4 0 0 1 4-4M6.5 13.5h3" },
  { to: "/incidents", name: "Incidents", key: "i", icon: "M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z" },
  { to: "/insights", name: "Insights", key: "h", icon: "M2 12l3.5-4 3 2.5L14 4M10.5 4H14v3.5" },
  { to: "/watches", name: "Watches", key: "w", icon: "M1.5 8s2.5-4 6.5-4 6.5 4 6.5 4-2.5 4-6.5 4-6.5-4-6.5-4M8 6.3a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4" },
  { to: "/replays", name: "Replay", key: "r", icon: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3M8 5.5V8l2 1.5" },
  { to: "/settings/sources", name: "Sources", key: "s", icon: "M2 8h8M7 4.5L10.5 8 7 11.5M13 2.5v11" },
] as const;

function connect(): Socket {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${location.host}/ws`) as unknown as Socket;
}

export function Shell() {
  const client = useQueryClient();
  const live = useMemo(() => {
    // Whoever is signed out is told so by the next answer: see `main.tsx`.
    const signedOut = () => refresh(client, ["me"]);
    return new Live({ connect, refresh: (topics) => refresh(client, topics), signedOut });
  }, [client]);
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  return (
    <LiveContext value={live}>
      <Frame />
    </LiveContext>
  );
}

/** The palette gives the focus back to where it was, unless it led to another page. */
function usePalette(): [boolean, (open: boolean) => void] {
  const [open, setOpen] = useState(false);
  const opener = useRef<Element | null>(null);
  const set = (next: boolean) => {
    if (next) opener.current = document.activeElement;
    const path = location.pathname;
    setOpen(next);
    setTimeout(() => {
      if (!next && path === location.pathname && opener.current instanceof HTMLElement) opener.current.focus();
    });
  };
  return [open, set];
}

function Frame() {
  const [palette, setPalette] = usePalette();
  const [help, setHelp] = useState(false);
  const [menu, setMenu] = useState(false);
  const { paused, setPaused, lostAt } = useLive();
  const unresolved = useQuery(incidents({ status: "OPEN" }));
  useTab(unresolved.data?.total ?? 0, lostAt !== null);
  const navigate = useNavigate();
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => setMenu(false), [path]);
  useShortcuts({
    go: (letter) => {
      const page = PAGES.find(({ key }) => key === letter);
      if (page) void navigate({ to: page.to });
    },
    palette: () => setPalette(!palette),
    help: () => setHelp((open) => !open),
    pause: () => setPaused(!paused),
  });
  return (
    <div className="flex h-full flex-col">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-panel focus:p-2">
        Skip to the page
      </a>
      <header className="flex h-11 shrink-0 items-center gap-2 border-b border-line bg-panel px-3">
        <button
          type="button"
          className="button-quiet -ml-1 md:hidden"
          aria-label="Menu"
          aria-expanded={menu}
          onClick={() => setMenu(!menu)}
        >
          ☰
        </button>
        <Link to="/fleet" className="mr-1 flex items-center gap-2 font-semibold">
          <img src="/icon.svg" alt="" className="size-5" /> <span className="max-sm:sr-only">AIOps</span>
        </Link>
        <button
          type="button"
          className="button ml-auto hidden h-7 w-56 justify-between text-muted lg:flex"
          onClick={() => setPalette(true)}
        >
          Search or go to… <kbd className="font-mono text-meta">Ctrl K</kbd>
        </button>
        <div className="ml-auto flex items-center gap-2 lg:ml-0">
          {hasRange(path) ? (
            <TimePicker />
          ) : (
            <span className="px-1 text-meta text-muted" title={`Times are shown in ${zone}`}>
              {zone}
            </span>
          )}
          <LiveButton />
        </div>
      </header>
      <LostLine />
      {hasRange(path) ? <RangeProblem /> : null}
      <div className="flex min-h-0 flex-1">
        <Navigation open={menu} unresolved={unresolved.data?.total ?? 0} onHelp={() => setHelp(true)} />
        <main id="main" tabIndex={-1} className="min-w-0 flex-1 overflow-y-auto outline-none">
          <Outlet />
        </main>
      </div>
      {palette ? (
        <Suspense>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      ) : null}
      <Help open={help} onClose={() => setHelp(false)} />
      <NoticeLine />
    </div>
  );
}

interface NavigationProps {
  open: boolean;
  unresolved: number;
  onHelp: () => void;
}

function Navigation({ open, unresolved, onHelp }: NavigationProps) {
  const theme = useTheme();
  const user = useQuery(me);
  const leave = async () => {
    await call("auth/logout", { method: "POST" }).catch(() => undefined);
    location.assign("/sign-in");
  };
  return (
    <nav
      aria-label="Pages"
      className={`w-52 shrink-0 flex-col border-r border-line bg-panel p-2 ${
        open ? "absolute top-11 bottom-0 z-30 flex shadow-xl" : "hidden"
      } md:static md:flex md:shadow-none`}
    >
      <ul className="space-y-0.5">
        {PAGES.map((page) => (
          <li key={page.to}>
            <Link
              to={page.to}
              className="flex h-8 items-center gap-2 rounded px-2 hover:bg-raised"
              activeProps={{ className: "bg-raised font-medium" }}
              inactiveProps={{ className: "text-muted" }}
            >
              <svg viewBox="0 0 16 16" className="size-4" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
                <path d={page.icon} />
              </svg>
              {page.name}
              {page.to === "/incidents" && unresolved ? (
                <span className="ml-auto font-medium text-critical">{unresolved} open</span>
              ) : null}
            </Link>
          </li>
        ))}
      </ul>
      <div className="mt-auto space-y-0.5 border-t border-line pt-2">
        <a href="/schema" className="button-quiet w-full">
          API documentation
        </a>
        <button type="button" className="button-quiet w-full" onClick={onHelp}>
          Keyboard <kbd className="ml-auto font-mono text-meta">?</kbd>
        </button>
        <button
          type="button"
          className="button-quiet w-full"
          onClick={() => setTheme(theme === "dark" ? "light" : "dark")}
        >
          {theme === "dark" ? "Light theme" : "Dark theme"}
        </button>
        <button type="button" className="button-quiet w-full" onClick={() => void leave()}>
          Sign out
          <span className="ml-auto truncate text-meta">{user.data?.username}</span>
        </button>
      </div>
    </nav>
  );
}
