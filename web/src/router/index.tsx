import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { ApiError } from "../api/client";
import { me } from "../api/queries";
import type { TraceFields } from "../api/signals";
import { ABILITIES, type Ability, type FleetSearch, SORTS } from "../features/fleet/grid";
import { readPanels } from "../features/metrics/panels";
import { Shell } from "../shell/Shell";
import { NotFound, Problem } from "../shell/Problem";
import {
  type AlertsSearch,
  type IncidentsSearch,
  type InsightsSearch,
  type LogsSearch,
  type MetricsSearch,
  type PatternsSearch,
  type RangeSearch,
  type TopologySearch,
  devicesSearch,
  ids,
  listSearch,
  one,
  text,
} from "./search";

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  validateSearch: (search: Record<string, unknown>): RangeSearch => ({ from: text(search.from), to: text(search.to) }),
  search: { middlewares: [retainSearchParams(["from", "to"])] },
  notFoundComponent: NotFound,
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string; ended?: boolean } => ({
    next: text(search.next),
    ended: search.ended === true || undefined,
  }),
  component: lazyRouteComponent(() => import("../shell/SignIn"), "SignIn"),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  errorComponent: Problem,
  beforeLoad: async ({ context, location }) => {
    try {
      const user = await context.client.ensureQueryData(me);
      if (user.must_change_password) throw redirect({ to: "/sign-in", search: { next: location.href } });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401)
        throw redirect({ to: "/sign-in", search: { next: location.href } });
      throw error;
    }
  },
});

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/fleet" });
  },
});

const fleet = createRoute({
  getParentRoute: () => shell,
  path: "/fleet",
  validateSearch: (search: Record<string, unknown>): FleetSearch => ({
    view: one(search.view, ["table"]),
    group: text(search.group),
    sort: one(search.sort, SORTS),
    state: text(search.state),
    environment: text(search.environment),
    type: text(search.type),
    region: text(search.region),
    label: text(search.label),
    can: one(search.can, Object.keys(ABILITIES) as Ability[]),
    q: text(search.q),
  }),
  component: lazyRouteComponent(() => import("../features/fleet/FleetPage"), "FleetPage"),
});

const addCluster = createRoute({
  getParentRoute: () => shell,
  path: "/fleet/add",
  component: lazyRouteComponent(() => import("../features/fleet/ClusterFormPage"), "AddClusterPage"),
});

const importClusters = createRoute({
  getParentRoute: () => shell,
  path: "/fleet/import",
  component: lazyRouteComponent(() => import("../features/fleet/ImportPage"), "ImportPage"),
});

const editCluster = createRoute({
  getParentRoute: () => shell,
  path: "/fleet/$clusterId/edit",
  component: lazyRouteComponent(() => import("../features/fleet/ClusterFormPage"), "EditClusterPage"),
});

const cluster = createRoute({
  getParentRoute: () => shell,
  path: "/fleet/$clusterId",
  component: lazyRouteComponent(() => import("../features/fleet/ClusterPage"), "ClusterPage"),
});

const metrics = createRoute({
  getParentRoute: () => shell,
  path: "/metrics-explorer",
  validateSearch: (search: Record<string, unknown>): MetricsSearch => ({
    q: text(search.q),
    panels: readPanels(search.panels),
    clusters: ids(search.clusters),
    board: text(search.board),
  }),
  component: lazyRouteComponent(() => import("../features/metrics/MetricsPage"), "MetricsPage"),
});

const dashboards = createRoute({
  getParentRoute: () => shell,
  path: "/dashboards",
  component: lazyRouteComponent(() => import("../features/dashboards/DashboardsPage"), "DashboardsPage"),
});

const dashboard = createRoute({
  getParentRoute: () => shell,
  path: "/dashboards/$dashboardId",
  validateSearch: (search: Record<string, unknown>): { clusters?: string[] } => ({ clusters: ids(search.clusters) }),
  component: lazyRouteComponent(() => import("../features/dashboards/DashboardPage"), "DashboardPage"),
});

const logs = createRoute({
  getParentRoute: () => shell,
  path: "/logs",
  validateSearch: (search: Record<string, unknown>): LogsSearch => ({
    q: text(search.q),
    clusters: ids(search.clusters),
    metric: text(search.metric),
    tail: search.tail === true || undefined,
    wrap: search.wrap === true || undefined,
  }),
  component: lazyRouteComponent(() => import("../features/logs/LogsPage"), "LogsPage"),
});

const patterns = createRoute({
  getParentRoute: () => shell,
  path: "/patterns",
  validateSearch: (search: Record<string, unknown>): PatternsSearch => ({
    q: text(search.q),
    cluster: text(search.cluster),
    severity: text(search.severity),
    about: text(search.about),
    finding: text(search.finding),
    sort: one(search.sort, ["last_seen", "count", "first_seen"]),
    open: text(search.open),
  }),
  component: lazyRouteComponent(() => import("../features/patterns/PatternsPage"), "PatternsPage"),
});

const traces = createRoute({
  getParentRoute: () => shell,
  path: "/traces",
  validateSearch: (search: Record<string, unknown>): TraceFields => ({
    q: text(search.q),
    service: text(search.service),
    operation: text(search.operation),
    min: text(search.min),
    max: text(search.max),
    errors: search.errors === true || undefined,
    clusters: ids(search.clusters),
  }),
  component: lazyRouteComponent(() => import("../features/traces/TracesPage"), "TracesPage"),
});

const trace = createRoute({
  getParentRoute: () => shell,
  path: "/traces/$traceId",
  component: lazyRouteComponent(() => import("../features/traces/TracePage"), "TracePage"),
});

const topology = createRoute({
  getParentRoute: () => shell,
  path: "/topology",
  validateSearch: (search: Record<string, unknown>): TopologySearch => ({
    q: text(search.q),
    cluster: text(search.cluster),
    namespace: text(search.namespace),
    kind: text(search.kind),
    node: text(search.node),
    depth: [1, 2, 3, 4].find((depth) => depth === search.depth),
    way: one(search.way, ["NEEDS", "NEEDED_BY"] as const),
  }),
  component: lazyRouteComponent(() => import("../features/topology/TopologyPage"), "TopologyPage"),
});

const gpu = createRoute({
  getParentRoute: () => shell,
  path: "/gpu",
  validateSearch: devicesSearch,
  component: lazyRouteComponent(() => import("../features/gpu/GpuPage"), "GpuPage"),
});

const cnf = createRoute({
  getParentRoute: () => shell,
  path: "/cnf",
  validateSearch: (search: Record<string, unknown>) => ({
    ...devicesSearch(search),
    view: one(search.view, ["ptp", "sriov", "dpdk", "workloads"]),
  }),
  component: lazyRouteComponent(() => import("../features/cnf/CnfPage"), "CnfPage"),
});

const alerts = createRoute({
  getParentRoute: () => shell,
  path: "/alerts",
  validateSearch: (search: Record<string, unknown>): AlertsSearch => ({
    ...listSearch(search),
    status: text(search.status),
    assignee: text(search.assignee),
    snoozed: search.snoozed === true || undefined,
    maintained: typeof search.maintained === "boolean" ? search.maintained : undefined,
    name: text(search.name),
    label: text(search.label),
    group: text(search.group),
  }),
  component: lazyRouteComponent(() => import("../features/alerts/AlertsPage"), "AlertsPage"),
});

const incidents = createRoute({
  getParentRoute: () => shell,
  path: "/incidents",
  validateSearch: (search: Record<string, unknown>): IncidentsSearch => ({
    ...listSearch(search),
    order: one(search.order, ["LATEST"]),
    owner: text(search.owner),
    team: text(search.team),
  }),
  component: lazyRouteComponent(() => import("../features/incidents/IncidentsPage"), "IncidentsPage"),
});

const incident = createRoute({
  getParentRoute: () => shell,
  path: "/incidents/$incidentId",
  component: lazyRouteComponent(() => import("../features/incidents/IncidentPage"), "IncidentPage"),
});

const insights = createRoute({
  getParentRoute: () => shell,
  path: "/insights",
  validateSearch: (search: Record<string, unknown>): InsightsSearch => ({
    cluster: text(search.cluster),
    kind: one(search.kind, ["WORKLOAD", "NODE", "SERIES"]),
    state: one(search.state, ["ACTIVE", "ENDED"]),
    mark: text(search.mark),
    open: text(search.open),
  }),
  component: lazyRouteComponent(() => import("../features/insights/InsightsPage"), "InsightsPage"),
});

const watches = createRoute({
  getParentRoute: () => shell,
  path: "/watches",
  component: lazyRouteComponent(() => import("../features/watches/WatchesPage"), "WatchesPage"),
});

const watch = createRoute({
  getParentRoute: () => shell,
  path: "/watches/$watch",
  component: lazyRouteComponent(() => import("../features/watches/WatchPage"), "WatchPage"),
});

const replays = createRoute({
  getParentRoute: () => shell,
  path: "/replays",
  component: lazyRouteComponent(() => import("../features/replays/ReplaysPage"), "ReplaysPage"),
});

const replay = createRoute({
  getParentRoute: () => shell,
  path: "/replays/$replayId",
  component: lazyRouteComponent(() => import("../features/replays/ReplayPage"), "ReplayPage"),
});

const overview = createRoute({
  getParentRoute: () => shell,
  path: "/overview",
  component: lazyRouteComponent(() => import("../features/overview/OverviewPage"), "OverviewPage"),
});

const executive = createRoute({
  getParentRoute: () => shell,
  path: "/executive",
  validateSearch: (search: Record<string, unknown>): { days?: number; by?: "CLUSTER" | "TEAM" | "SERVICE" } => ({
    days: search.days === 30 ? 30 : undefined,
    by: one(search.by, ["TEAM", "SERVICE"]),
  }),
  component: lazyRouteComponent(() => import("../features/executive/ExecutivePage"), "ExecutivePage"),
});

const maintenance = createRoute({
  getParentRoute: () => shell,
  path: "/maintenance",
  component: lazyRouteComponent(() => import("../features/maintenance/MaintenancePage"), "MaintenancePage"),
});

const changes = createRoute({
  getParentRoute: () => shell,
  path: "/changes",
  component: lazyRouteComponent(() => import("../features/changes/ChangesPage"), "ChangesPage"),
});

const runbooks = createRoute({
  getParentRoute: () => shell,
  path: "/runbooks",
  component: lazyRouteComponent(() => import("../features/runbooks/RunbooksPage"), "RunbooksPage"),
});

const storage = createRoute({
  getParentRoute: () => shell,
  path: "/settings/storage",
  component: lazyRouteComponent(() => import("../features/settings/StoragePage"), "StoragePage"),
});

const audit = createRoute({
  getParentRoute: () => shell,
  path: "/settings/audit",
  component: lazyRouteComponent(() => import("../features/settings/AuditPage"), "AuditPage"),
});

const correlation = createRoute({
  getParentRoute: () => shell,
  path: "/settings/correlation",
  component: lazyRouteComponent(() => import("../features/correlation/RulesPage"), "RulesPage"),
});

const teams = createRoute({
  getParentRoute: () => shell,
  path: "/settings/teams",
  component: lazyRouteComponent(() => import("../features/teams/TeamsPage"), "TeamsPage"),
});

const intake = createRoute({
  getParentRoute: () => shell,
  path: "/settings/intake",
  component: lazyRouteComponent(() => import("../features/intake/IntakePage"), "IntakePage"),
});

const sources = createRoute({
  getParentRoute: () => shell,
  path: "/settings/sources",
  component: lazyRouteComponent(() => import("../features/settings/SourcesPage"), "SourcesPage"),
});

const tree = root.addChildren([
  signIn,
  shell.addChildren([home, fleet, addCluster, importClusters, cluster, editCluster, metrics, dashboards, dashboard, topology, gpu, cnf, logs, patterns, traces, trace, alerts, incidents, incident, insights, watches, watch, replays, replay, overview, executive, maintenance, changes, runbooks, storage, audit, correlation, teams, intake, sources]),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: "intent",
    // A page that breaks leaves the others in reach.
    defaultErrorComponent: Problem,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
