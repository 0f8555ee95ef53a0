import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { healthHistory } from "../../api/queries";
import type { Cluster, ClusterState } from "../../api/types";
import { formatValue, plural, sentence } from "../../lib/format";
import { clock, formatDuration, isMoving, resolveOrDefault, stamp } from "../../lib/time";
import { useLive, useRange, useZoom } from "../../shell/store";
import { Chart } from "../../ui/Chart";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { type Stretch, latencies, share, stretches } from "./history";

const FILLS: Record<ClusterState, string> = {
  OFFLINE: "bg-critical",
  DEGRADED: "bg-high",
  UNKNOWN: "bg-muted",
  PROVISIONING: "bg-low",
  ONLINE: "bg-ok",
};

/** How the cluster was found in the page's time range, and how long its endpoints took. */
export function HealthHistory({ cluster }: { cluster: Cluster }) {
  const [range] = useRange();
  const { paused } = useLive();
  const zoom = useZoom();
  const history = useQuery(healthHistory(cluster.id, range, !paused && isMoving(range)));
  const span = resolveOrDefault(range, Date.now());
  const points = history.data?.items;
  const found = useMemo(() => (points ? stretches(points, resolveOrDefault(range, Date.now())) : []), [points, range]);
  const took = useMemo(() => (points ? latencies(points) : null), [points]);
  return (
    <section aria-label="Health history" className="panel min-w-0 p-3">
      <h2 className="mb-2 flex flex-wrap items-baseline gap-x-3 font-semibold">
        Health
        <span className="font-normal text-muted">{history.data ? told(found, history.data) : null}</span>
      </h2>
      <QueryFailure what="Reading the history" query={history} />
      {history.isPending ? (
        <SkeletonBlock height={140} />
      ) : points?.length ? (
        <>
          <Strip found={found} start={span.start} end={span.end} />
          {took ? (
            <>
              <p className="mt-2 text-meta text-muted">Time to answer a probe</p>
              <Chart
                data={took}
                unit="seconds"
                span={span}
                summary={`Time to answer a probe: ${took.lines.map(({ label, values }) => `${label} last ${formatValue(values.findLast((one) => one !== null), "seconds")}`).join(", ")}`}
                height={96}
                onZoom={zoom}
                syncKey="cluster"
              />
            </>
          ) : null}
        </>
      ) : points ? (
        <p className="text-muted">No probe in this range.</p>
      ) : null}
    </section>
  );
}

function told(found: Stretch[], { total, items }: { total: number; items: unknown[] }): string {
  const online = share(found, "ONLINE");
  const changes = found.filter((one, index) => index > 0 && one.state !== null && found[index - 1]?.state !== null).length;
  const parts = [
    online === null ? "nothing known" : `online ${formatValue(online, "ratio")} of the known time`,
    changes ? plural(changes, "change") : "no change",
    total > items.length ? `the last ${items.length} of ${total} probes` : plural(total, "probe"),
  ];
  return parts.join(" · ");
}

/** The chart's left axis takes as much room: strip and chart share their times. */
const AXIS_PX = 68;

function Strip({ found, start, end }: { found: Stretch[]; start: number; end: number }) {
  const place = (time: number) => `${(100 * (time - start)) / (end - start)}%`;
  return (
    <ol className="relative h-5 overflow-hidden rounded-xs bg-raised" style={{ marginLeft: AXIS_PX }}>
      {found.map((one) => {
        const long = one.end - one.start > 86_400 ? stamp : clock;
        const from = long(new Date(one.start * 1000));
        const text = `${one.state ? sentence(one.state) : "Not looked at"} from ${from}, for ${formatDuration(one.end - one.start)}`;
        return (
          <li
            key={one.start}
            title={text}
            className={`absolute inset-y-0 ${one.state ? FILLS[one.state] : ""} ${one.state === "ONLINE" ? "top-3" : ""}`}
            style={{ left: place(one.start), width: `max(2px, ${(100 * (one.end - one.start)) / (end - start)}%)` }}
          >
            <span className="sr-only">{text}</span>
          </li>
        );
      })}
    </ol>
  );
}
