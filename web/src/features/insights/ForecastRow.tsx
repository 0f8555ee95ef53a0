import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type Forecast, forecast } from "../../api/forecasts";
import { formatValue, plural } from "../../lib/format";
import { ago, formatDuration, stamp } from "../../lib/time";
import { useNow } from "../../shell/store";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { UrgencyMark } from "../../ui/marks";
import { ForecastChart } from "./ForecastChart";
import { between, happens } from "./course";

interface Props {
  forecast: Forecast;
  open: boolean;
  onToggle: () => void;
}

/** One line that says what runs out when; opened, what it rests on. */
export function ForecastRow({ forecast: one, open, onToggle }: Props) {
  const now = useNow();
  const interval = between(one.earliest, one.latest, now);
  return (
    <li className="border-b border-line last:border-b-0">
      <button
        type="button"
        aria-expanded={open}
        className="grid w-full grid-cols-[84px_minmax(0,1fr)] items-baseline gap-x-3 px-3 py-1.5 text-left hover:bg-raised md:grid-cols-[84px_minmax(0,1fr)_240px_72px]"
        onClick={onToggle}
      >
        <span className="text-meta">
          {one.outlook === "REFUSED" ? <span className="text-muted">Unknown</span> : <UrgencyMark soon={Boolean(one.warned_at)} />}
        </span>
        <span className="min-w-0">
          <span className="font-medium">{one.title}</span> <span className="font-mono break-all">{one.subject}</span>{" "}
          <span className="text-muted">on {one.cluster || "a cluster that left"}</span>
        </span>
        <span className="max-md:col-start-2">
          {one.outlook === "REFUSED" ? (
            <span className="text-muted">{formatValue(one.value, one.unit)} now</span>
          ) : (
            <>
              <span className="font-medium">
                {happens(one.happens, one.crosses_at, now)}
              </span>
              {interval ? <span className="block text-meta text-muted">{interval}</span> : null}
            </>
          )}
        </span>
        <span className="text-right text-meta text-muted max-md:hidden">{ago(one.made_at, now)}</span>
      </button>
      {open ? <Ground id={one.id} brief={one} /> : null}
    </li>
  );
}

/** The chart, and the numbers that the forecast rests on. */
function Ground({ id, brief }: { id: string; brief: Forecast }) {
  const detail = useQuery(forecast(id));
  const one = detail.data;
  return (
    <div className="px-3 pb-3">
      <p className="mb-2">{brief.sentence}</p>
      <QueryFailure what="Reading the forecast" query={detail} />
      {detail.isPending ? <SkeletonBlock height={180} /> : null}
      {one ? (
        <ForecastChart
          history={one.history}
          path={one.path}
          limit={one.threshold}
          unit={one.unit}
          crossesAt={one.crosses_at}
          summary={one.sentence}
        />
      ) : null}
      <dl className="mt-1 grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-meta text-muted">
        <dt>Now</dt>
        <dd>
          {formatValue(brief.value, brief.unit)}, limit {formatValue(brief.threshold, brief.unit)}, foreseen {stamp(brief.made_at)}
          {brief.warned_at ? `, told since ${stamp(brief.warned_at)}` : ""}
        </dd>
        {brief.crosses_at ? (
          <>
            <dt>When</dt>
            <dd>
              {stamp(brief.crosses_at)}; 90 % interval from {brief.earliest ? stamp(brief.earliest) : "now"} to{" "}
              {brief.latest ? stamp(brief.latest) : "longer than can be told"}
            </dd>
          </>
        ) : null}
        {brief.model ? (
          <>
            <dt>Model</dt>
            <dd>
              {brief.model}
              {brief.loss !== null && brief.naive_loss !== null
                ? `; tried at ${plural(brief.moments, "past moment")} it was wrong by ${formatValue(brief.loss, brief.unit)}, “stays as it is” by ${formatValue(brief.naive_loss, brief.unit)}`
                : ""}
            </dd>
          </>
        ) : null}
        <dt>Past</dt>
        <dd>
          {formatDuration(brief.window_s)}, a value every {formatDuration(brief.step_s)}
        </dd>
        <dt>Query</dt>
        <dd className="font-mono break-all text-text">{brief.query}</dd>
      </dl>
      <p className="mt-1.5">
        <Link
          to="/metrics-explorer"
          search={{ q: brief.query, clusters: [brief.cluster_id], from: `now-${Math.round(brief.window_s / 3600)}h`, to: "now" }}
          className="link"
        >
          Open in Metrics
        </Link>
      </p>
    </div>
  );
}
