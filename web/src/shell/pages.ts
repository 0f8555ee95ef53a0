/** The pages of the console, as the navigation shows them. Each key follows `g`. */

export const GROUPS = [
  {
    name: "Now",
    pages: [
      { to: "/overview", name: "Overview", key: "o", icon: "M2 13.5V9M6 13.5V5M10 13.5V7.5M14 13.5V2.5" },
      { to: "/alerts", name: "Alerts", key: "a", icon: "M8 2a4 4 0 0 1 4 4v3l1.5 2.5h-11L4 9V6a4 4 0 0 1 4-4M6.5 13.5h3" },
      { to: "/incidents", name: "Incidents", key: "i", icon: "M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z" },
    ],
  },
  {
    name: "Fleet",
    pages: [
      { to: "/fleet", name: "Fleet", key: "f", icon: "M2 3h5v4H2zM9 3h5v4H9zM2 9h5v4H2zM9 9h5v4H9z" },
      { to: "/topology", name: "Topology", key: "y", icon: "M2 6h4v4H2zM10 2h4v4h-4zM10 10h4v4h-4zM6 8h2M8 4v8M8 4h2M8 12h2" },
      { to: "/gpu", name: "GPUs", key: "u", icon: "M4 4h8v8H4zM6.5 1.5v2.5M9.5 1.5v2.5M6.5 12v2.5M9.5 12v2.5M1.5 6.5H4M1.5 9.5H4M12 6.5h2.5M12 9.5h2.5" },
      { to: "/cnf", name: "Network functions", key: "n", icon: "M8 5.5V2.5M8 5.5L3.5 11M8 5.5l4.5 5.5M6.5 2h3v3h-3zM2 11h3v3H2zM11 11h3v3h-3z" },
    ],
  },
  {
    name: "Explore",
    pages: [
      { to: "/metrics-explorer", name: "Metrics", key: "m", icon: "M2 13V3M2 13h12M4.5 10l3-4 2.5 2.5L14 4" },
      { to: "/logs", name: "Logs", key: "l", icon: "M2 3.5h12M2 6.5h8M2 9.5h12M2 12.5h6" },
      { to: "/patterns", name: "Log patterns", key: "p", icon: "M2 4h5M9.5 4H14M2 8h3M7.5 8H14M2 12h7M11.5 12H14" },
      { to: "/traces", name: "Traces", key: "t", icon: "M2 3.5h8M5 8h7M9 12.5h5" },
      { to: "/dashboards", name: "Dashboards", key: "d", icon: "M2 2.5h7v6H2zM11 2.5h3v6h-3zM2 10.5h3v3H2zM7 10.5h7v3H7z" },
    ],
  },
  {
    name: "Foresee",
    pages: [
      { to: "/insights", name: "Insights", key: "h", icon: "M2 12l3.5-4 3 2.5L14 4M10.5 4H14v3.5" },
      { to: "/watches", name: "Watches", key: "w", icon: "M1.5 8s2.5-4 6.5-4 6.5 4 6.5 4-2.5 4-6.5 4-6.5-4-6.5-4M8 6.3a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4" },
      { to: "/runbooks", name: "Runbooks", key: "k", icon: "M3 2.5h8.5a1.5 1.5 0 0 1 1.5 1.5v9.5H4.5A1.5 1.5 0 0 1 3 12zM3 12a1.5 1.5 0 0 1 1.5-1.5H13M6 5.5h4" },
      { to: "/replays", name: "Replay", key: "r", icon: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3M8 5.5V8l2 1.5" },
    ],
  },
  {
    name: "Plan",
    pages: [
      { to: "/maintenance", name: "Maintenance", key: "c", icon: "M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 1.5v3M10.5 1.5v3M6 10l1.5 1.5L10.5 8.5" },
      { to: "/changes", name: "Changes", key: "v", icon: "M4 2.5v11M4 5.5h5a3 3 0 0 1 3 3v2M9.5 8.5L12 11l2.5-2.5M2.5 3.5L4 2l1.5 1.5" },
    ],
  },
  {
    name: "Tell",
    pages: [
      { to: "/executive", name: "Executive dashboard", key: "e", icon: "M2 2.5h12v8H2zM8 10.5v3M5 13.5h6M4.5 8l2-2 2 1.5 3-3" },
    ],
  },
  {
    name: "Settings",
    pages: [
      { to: "/settings/correlation", name: "Correlation rules", key: "q", icon: "M2 3.5h4v3H2zM2 9.5h4v3H2zM10 6.5h4v3h-4zM6 5l4 2.5M6 11l4-2.5" },
      { to: "/settings/teams", name: "Teams", key: "j", icon: "M5.5 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M1.5 13.5a4 4 0 0 1 8 0M11 8.5a2 2 0 1 0 0-4M11.5 10a3.5 3.5 0 0 1 3 3.5" },
      { to: "/settings/intake", name: "Intake rules", key: "x", icon: "M2 3h12L9.5 8.5V13l-3-1.5v-3z" },
      { to: "/settings/sources", name: "Sources", key: "s", icon: "M2 8h8M7 4.5L10.5 8 7 11.5M13 2.5v11" },
      { to: "/settings/audit", name: "Audit", key: "z", icon: "M3.5 1.5h9v13h-9zM5.5 5h5M5.5 8h5M5.5 11h3" },
      { to: "/settings/storage", name: "Storage", key: "b", icon: "M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2M3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2" },
    ],
  },
] as const;

export const PAGES = GROUPS.flatMap(({ pages }) => [...pages]);
