import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { call } from "../../api/client";
import { type BandAnswer, anomalies, clusters, expectations, incidents, me, watchHistory } from "../../api/queries";
import type { Anomaly, Cluster, Expected } from "../../api/types";
import { formatBand, formatValue, plural, sentence, subject, subjectKey } from "../../lib/format";
import { ago, isMoving, resolveOrDefault } from "../../lib/time";
import { useLive, useNow, useRange, useZoom } from "../../shell/store";
import { Chart } from "../../ui/Chart";
import { Dialog } from "../../ui/dialog";
import { Empty, QueryFailure, Skeleton, SkeletonBlock } from "../../ui/feedback";
import { SeverityMark, StateMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";
import { ClusterDialog } from "./ClusterDialog";
import { learned, summarise, watchChart } from "./series";

export function ClusterPage() {
  const { clusterId } = useParams({ from: "/shell/fleet/$clusterId" });
  const fleet = useQuery(clusters);
  const cluster = fleet.data?.find(({ id }) => id === clusterId);
  if (fleet.isPending)
    return (
      <Page>
        <Skeleton rows={8} />
      </Page>
    );
  return (
    <Page>
      <QueryFailure what="Reading the fleet" query={fleet} />
      {cluster ? (
        <Detail cluster={cluster} />
      ) : fleet.data ? (
        <Empty title="This cluster is not in your fleet">
          It was removed, or is not among those you may see.{" "}
          <Link to="/fleet" className="link">
            Go to the fleet
          </Link>
        </Empty>
      ) : null}
    </Page>
  );
}

function Detail({ cluster }: { cluster: Cluster }) {
  const user = useQuery(me);
  const { paused } = useLive();
  const now = useNow();
  const [range] = useRange();
  const current = useQuery(expectations(cluster.id, !paused));
  const unusual = useQuery(anomalies(cluster.id, range));
  const open = useQuery(incidents({ status: "OPEN", cluster_id: cluster.id }));
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const watches = Object.entries(Object.groupBy(current.data?.items ?? [], ({ watch }) => watch));
  // Watches of one series share rows; those of many come after them, each with rows of its own.
  const ordered = watches
    .map(([watch, items]): [string, Expected[]] => [watch, items ?? []])
    .sort(([, a], [, b]) => Number(a.length > 1) - Number(b.length > 1));
  return (
    <>
      <PageHead
        title={cluster.name}
        mono
        note={
          <>
            <StateMark state={cluster.status.state} />
            <span>health {cluster.status.health_score ?? "unknown"}</span>
            <span>{sentence(cluster.environment)}</span>
            <span>{cluster.last_seen_at ? `seen ${ago(cluster.last_seen_at, now)}` : "never seen"}</span>
            <Watched items={current.data?.items} />
            {cluster.prometheus_url ? <span className="font-mono break-all">{cluster.prometheus_url}</span> : null}
          </>
        }
      >
        {user.data?.role !== "viewer" ? (
          <>
            <button type="button" className="button" onClick={() => setEditing(true)}>
              Change
            </button>
            <button type="button" className="button" onClick={() => setRemoving(true)}>
              Remove
            </button>
          </>
        ) : null}
      </PageHead>
      <div className="space-y-3">
        {open.data?.items.map((one) => (
          <Link
            key={one.id}
            to="/incidents/$incidentId"
            params={{ incidentId: one.id }}
            className="panel flex flex-wrap items-center gap-x-3 border-critical px-3 py-2 hover:bg-raised"
          >
            <SeverityMark severity={one.severity} />
            <span className="font-medium">{one.title}</span>
            <span className="ml-auto text-muted">opened {ago(one.detected_at, now)}</span>
          </Link>
        ))}
        <Endpoints cluster={cluster} />
        <QueryFailure what="Reading the watched series" query={current} />
        <QueryFailure what="Reading the anomalies" query={unusual} />
        {current.isPending ? (
          <div className="grid gap-3 lg:grid-cols-2 2xl:grid-cols-3">
            {[0, 1, 2, 3].map((at) => (
              <SkeletonBlock key={at} height={196} />
            ))}
          </div>
        ) : null}
        <div className="grid gap-3 lg:grid-cols-2 2xl:grid-cols-3">
          {ordered.map(([watch, items]) => (
            <WatchSection
              key={watch}
              clusterId={cluster.id}
              watch={watch}
              items={items}
              anomalies={unusual.data?.items ?? []}
            />
          ))}
        </div>
        {current.data?.items.length === 0 ? (
          <Empty title="Nothing is watched here yet">
            {cluster.status.state === "OFFLINE" ? "Nor can it be while nothing answers there. " : null}
            The shipped watches look for nodes and services every 15 seconds. They need series such as{" "}
            <code>node_cpu_seconds_total</code> or <code>http_requests_total</code>; look in{" "}
            <Link to="/metrics-explorer" className="link">
              Metrics
            </Link>{" "}
            for what this cluster has.
          </Empty>
        ) : null}
      </div>
      <ClusterDialog open={editing} onClose={() => setEditing(false)} cluster={cluster} />
      <RemoveDialog open={removing} onClose={() => setRemoving(false)} cluster={cluster} />
    </>
  );
}

/** How much is watched, and how much of it has no band yet. */
function Watched({ items }: { items: Expected[] | undefined }) {
  if (!items?.length) return null;
  const learning = items.filter((one) => one.learning).length;
  return (
    <span>
      {plural(items.length, "series", "series")} watched{learning ? `, ${learning} still learning` : ""}
    </span>
  );
}

function Endpoints({ cluster }: { cluster: Cluster }) {
  const failing = Object.entries(cluster.status.endpoints).filter(([, endpoint]) => !endpoint.ok);
  const now = useNow();
  return failing.map(([name, endpoint]) => (
    <p key={name} className="panel border-high px-3 py-2">
      <span className="font-medium">{sentence(name)} does not answer.</span> {endpoint.error}{" "}
      <span className="text-muted">Last tried {ago(endpoint.checked_at, now)}.</span>
    </p>
  ));
}

const SHOWN = 6;

function WatchSection({
  clusterId,
  watch,
  items,
  anomalies: unusual,
}: {
  clusterId: string;
  watch: string;
  items: Expected[];
  anomalies: Anomaly[];
}) {
  const [range] = useRange();
  const { paused } = useLive();
  const [all, setAll] = useState(false);
  const [section, near] = useNear();
  const history = useQuery({ ...watchHistory(clusterId, watch, range, !paused && isMoving(range)), enabled: near });
  const sorted = items.toSorted((a, b) => Number(Boolean(b.anomaly_id)) - Number(Boolean(a.anomaly_id)));
  const shown = all ? sorted : sorted.slice(0, SHOWN);
  const [first] = items;
  const only = items.length === 1;
  return (
    <section ref={section} aria-label={first?.title ?? watch} className={only ? "min-w-0" : "col-span-full min-w-0"}>
      <h2 className="mb-1 flex items-baseline gap-2 font-semibold">
        {first?.title ?? watch}
        <span className="text-meta font-normal text-muted">
          {items.length > 1 ? plural(items.length, "series", "series") : null}
          {first?.dropped ? `, ${first.dropped} more past the bound are not watched` : null}
        </span>
      </h2>
      <QueryFailure what={`Reading ${first?.title ?? watch}`} query={history} />
      <div className={only ? "grid" : "grid gap-3 lg:grid-cols-2 2xl:grid-cols-3"}>
        {shown.map((one) => (
          <WatchCard key={subjectKey(one.labels)} one={one} history={history.data} unusual={unusual} />
        ))}
      </div>
      {items.length > SHOWN ? (
        <button type="button" className="button mt-2 h-7" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show ${items.length - SHOWN} more`}
        </button>
      ) : null}
    </section>
  );
}

/** True once the element has come near the window: what nobody has scrolled to is not asked for. */
function useNear(): [React.RefObject<HTMLElement | null>, boolean] {
  const element = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => setNear(entries.some((entry) => entry.isIntersecting)), {
      rootMargin: "200px",
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, near];
}

type History = BandAnswer | undefined;

function WatchCard({ one, history, unusual }: { one: Expected; history: History; unusual: Anomaly[] }) {
  const [range] = useRange();
  const zoom = useZoom();
  const now = Date.now();
  const chart = history ? watchChart(history, one, unusual, now / 1000) : null;
  const text = summarise(one);
  return (
    <article className={`panel min-w-0 p-2 ${one.anomaly_id ? "border-critical" : ""}`}>
      <header className="flex items-baseline gap-2 px-1">
        <h3 className="min-w-0 truncate font-mono text-meta" title={subject(one.labels)}>
          {subject(one.labels) || one.cluster}
        </h3>
        <span className={`ml-auto whitespace-nowrap font-medium ${one.anomaly_id ? "text-critical" : ""}`}>
          {formatValue(one.value, one.unit)}
        </span>
      </header>
      {history === undefined ? (
        <SkeletonBlock height={128} />
      ) : chart ? (
        <Chart
          data={chart}
          unit={one.unit}
          span={resolveOrDefault(range, now)}
          summary={text}
          height={128}
          onZoom={zoom}
          syncKey="cluster"
        />
      ) : (
        <p className="grid h-32 place-items-center text-muted">No samples in this range</p>
      )}
      <p className="px-1 text-meta text-muted">
        {one.learning
          ? sentence(learned(one.learning))
          : one.lower === null && one.upper === null
            ? "No expected band yet"
            : `Expected ${formatBand(one.lower, one.upper, one.unit)}`}
        {one.anomaly_id ? <span className="font-medium text-critical"> · anomaly now</span> : null}
      </p>
    </article>
  );
}

function RemoveDialog({ open, onClose, cluster }: { open: boolean; onClose: () => void; cluster: Cluster }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => call(`clusters/${cluster.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await navigate({ to: "/fleet" });
      await client.invalidateQueries({ queryKey: ["clusters"] });
    },
  });
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={`Remove ${cluster.name}?`}
      description="It is no longer probed nor watched, and its samples and alerts here are forgotten. Nothing changes on the cluster itself."
    >
      {remove.error ? <p className="mb-3 text-critical">{remove.error.message}</p> : null}
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button
          type="button"
          className="button border-critical text-critical"
          disabled={remove.isPending}
          onClick={() => remove.mutate()}
        >
          {remove.isPending ? "Removing…" : "Remove"}
        </button>
      </div>
    </Dialog>
  );
}
