import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useMemo, useRef, useState } from "react";
import { call } from "../api/client";
import { alertCounts, incidents, me, refresh } from "../api/queries";
import { Live, type Socket } from "../lib/live";
import { LiveContext, setTheme, useLive, useTheme } from "./store";
import { Help } from "./Help";
import { LiveButton, LostLine } from "./LiveButton";
import { heard } from "./alarms";
import { NoticeLine } from "./notice";
import { GROUPS, PAGES } from "./pages";
import { useTab } from "./tab";
import { useShortcuts } from "./keys";
import { zone } from "../lib/time";
import { RangeProblem, TimePicker, hasRange } from "./TimePicker";

const Palette = lazy(() => import("./Palette"));

function connect(): Socket {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${location.host}/ws`) as unknown as Socket;
}

export function Shell() {
  const client = useQueryClient();
  const live = useMemo(() => {
    // Whoever is signed out is told so by the next answer: see `main.tsx`.
    const signedOut = () => refresh(client, ["me"]);
    return new Live({ connect, refresh: (topics) => refresh(client, topics), signedOut, heard });
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
  const waiting = useQuery(alertCounts({ state: "FIRING", status: "NEW", snoozed: false }));
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
      <div className="min-h-0 flex-1 space-y-0.5 overflow-y-auto">
        {GROUPS.map(({ name, pages }) => (
          <div key={name} role="group" aria-label={name}>
            <p aria-hidden="true" className="px-2 text-meta leading-4 text-muted">
              {name}
            </p>
            <ul>
              {pages.map((page) => (
                <li key={page.to}>
                  <Link
                    to={page.to}
                    className="flex h-6 items-center gap-2 rounded px-2 hover:bg-raised"
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
                    {page.to === "/alerts" && waiting.data?.total ? (
                      <span className="ml-auto font-medium text-high" title="Firing, and nobody has acknowledged them">
                        {waiting.data.total.toLocaleString("en")} new
                      </span>
                    ) : null}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
      <div className="mt-auto border-t border-line pt-1 md:[&_.button-quiet]:h-6">
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
