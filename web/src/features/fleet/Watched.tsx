import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type BandAnswer, watchHistory } from "../../api/queries";
import type { Anomaly, Expected } from "../../api/types";
import { formatBand, formatValue, plural, sentence, subject, subjectKey } from "../../lib/format";
import { isMoving, resolveOrDefault } from "../../lib/time";
import { useLive, useRange, useZoom } from "../../shell/store";
import { Chart } from "../../ui/Chart";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { learned, learnedDays, summarise, watchChart } from "./series";

const SHOWN = 6;

export function WatchSection({
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
      <h3 className="mb-1 flex items-baseline gap-2 font-semibold">
        {first?.title ?? watch}
        <span className="text-meta font-normal text-muted">
          {items.length > 1 ? plural(items.length, "series", "series") : null}
          {first?.dropped ? `, ${first.dropped} more past the bound are not watched` : null}
        </span>
      </h3>
      <QueryFailure what={`Reading ${first?.title ?? watch}`} query={history} />
      <div className={only ? "grid" : "grid gap-3 lg:grid-cols-2 2xl:grid-cols-3"}>
        {shown.map((one) => (
          <WatchCard key={subjectKey(one.labels)} one={one} asked={near} history={history.data} unusual={unusual} />
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

function WatchCard({
  one,
  asked,
  history,
  unusual,
}: {
  one: Expected;
  asked: boolean;
  history: History;
  unusual: Anomaly[];
}) {
  const [range] = useRange();
  const zoom = useZoom();
  const now = Date.now();
  const chart = history ? watchChart(history, one, unusual, now / 1000) : null;
  const text = summarise(one);
  return (
    <article className={`panel min-w-0 p-2 ${one.anomaly_id ? "border-critical" : ""}`}>
      <header className="flex items-baseline gap-2 px-1">
        <h4 className="min-w-0 truncate font-mono text-meta" title={subject(one.labels)}>
          {subject(one.labels) || one.cluster}
        </h4>
        <span className={`ml-auto whitespace-nowrap font-medium ${one.anomaly_id ? "text-critical" : ""}`}>
          {formatValue(one.value, one.unit)}
        </span>
      </header>
      {history === undefined ? (
        asked ? (
          <SkeletonBlock height={128} />
        ) : (
          <div className="h-32" />
        )
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
        {!one.learning && one.learning_days ? ` · heeds ${learnedDays(one)}` : null}
        {one.anomaly_id ? <span className="font-medium text-critical"> · anomaly now</span> : null}
      </p>
    </article>
  );
}
