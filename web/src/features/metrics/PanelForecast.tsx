import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type ForecastOfSeries, forecastOfQuery } from "../../api/forecasts";
import { formatValue, plural, selector } from "../../lib/format";
import { stamp } from "../../lib/time";
import { Field } from "../../ui/dialog";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { ForecastChart } from "../insights/ForecastChart";
import { Completeness } from "./Completeness";
import { type PanelState, shownUnit } from "./panels";

const WINDOWS: [seconds: number, words: string][] = [
  [3600, "1 hour"],
  [21_600, "6 hours"],
  [86_400, "1 day"],
  [604_800, "7 days"],
  [1_296_000, "15 days"],
];

/** What the series of a panel's query will be, and when they reach a limit. */
export function PanelForecast({ panel, clusterIds }: { panel: PanelState; clusterIds: string[] | undefined }) {
  const [windowS, setWindow] = useState(86_400);
  const [typed, setTyped] = useState("");
  const [threshold, setThreshold] = useState<number | null>(null);
  const answer = useQuery(forecastOfQuery({ query: panel.q, clusterIds, windowS, threshold }));
  const unit = shownUnit(panel);
  const take = () => {
    const value = Number(typed);
    setThreshold(typed.trim() && Number.isFinite(value) ? value : null);
  };
  return (
    <section aria-label="Forecast" className="space-y-2 border-t border-line pt-2">
      <div className="flex flex-wrap items-end gap-2">
        <Field label="From the last">
          <select className="field" value={windowS} onChange={(event) => setWindow(Number(event.target.value))}>
            {WINDOWS.map(([seconds, words]) => (
              <option key={seconds} value={seconds}>
                {words}
              </option>
            ))}
          </select>
        </Field>
        <Field label="When does it reach">
          <input
            className="field"
            inputMode="decimal"
            value={typed}
            placeholder={unit === "ratio" ? "0.95" : "a number"}
            onChange={(event) => setTyped(event.target.value)}
            onBlur={take}
            onKeyDown={(event) => (event.key === "Enter" ? take() : undefined)}
          />
        </Field>
      </div>
      <QueryFailure what="The forecast" query={answer} />
      {answer.isPending ? <SkeletonBlock height={180} /> : null}
      {answer.data ? (
        <>
          <Completeness outcomes={answer.data.clusters} updatedAt={answer.dataUpdatedAt} />
          {answer.data.items.map((one) => (
            <OneSeries key={selector(one.labels)} series={one} unit={unit} threshold={threshold} />
          ))}
          {answer.data.items.length ? null : <p className="text-muted">The query gives no series in this time.</p>}
          {answer.data.left_out ? <p className="text-muted">{plural(answer.data.left_out, "more series", "more series")} left out.</p> : null}
        </>
      ) : null}
    </section>
  );
}

function OneSeries({ series, unit, threshold }: { series: ForecastOfSeries; unit: string; threshold: number | null }) {
  const { crosses_at: at, earliest, latest } = series;
  const when = at
    ? `Reaches ${formatValue(threshold, unit)} at ${stamp(at)}, 90 % interval from ${earliest ? stamp(earliest) : "now"} to ${latest ? stamp(latest) : "longer than can be told"}.`
    : series.no_crossing;
  return (
    <div>
      <h3 className="font-mono text-meta break-all">{selector(series.labels) || "one value"}</h3>
      {series.refusal ? <p className="text-muted">{series.refusal}</p> : null}
      {when ? <p>{when}</p> : null}
      {series.path?.length ? (
        <ForecastChart history={series.history} path={series.path} limit={threshold} unit={unit} crossesAt={at} summary={when ?? "The forecast of the series"} />
      ) : null}
      {series.model ? (
        <p className="text-meta text-muted">
          {series.model}; tried at {plural(series.moments ?? 0, "past moment")} it was wrong by {formatValue(series.loss, unit)}, “stays as it is” by{" "}
          {formatValue(series.naive_loss, unit)}
        </p>
      ) : null}
    </div>
  );
}
