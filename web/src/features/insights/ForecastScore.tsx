import { useQuery } from "@tanstack/react-query";
import { type Score, forecastScores } from "../../api/forecasts";
import { formatValue, plural } from "../../lib/format";
import { formatDuration } from "../../lib/time";
import { type Column, DataTable } from "../../ui/DataTable";
import { QueryFailure } from "../../ui/feedback";

/** How the hub's own forecasts did: each was kept, and held against what came. */
export function ForecastScore() {
  const answer = useQuery(forecastScores);
  const scores = answer.data?.scores ?? [];
  const checks = scores.reduce((all, one) => all + one.checks, 0);
  const waiting = scores.reduce((all, one) => all + one.waiting, 0);
  const covered = scores.reduce((all, one) => all + one.covered * one.checks, 0) / Math.max(checks, 1);
  return (
    <div className="border-t border-line">
      <QueryFailure what="Reading the score" query={answer} />
      <details>
        <summary className="cursor-pointer px-3 py-2 text-muted">
          How good were these?{" "}
          {checks
            ? `Of ${plural(checks, "former forecast")}, ${Math.round(100 * covered)} % came within the 90 % interval`
            : waiting
              ? `None of ${plural(waiting, "forecast")} that were kept has come due`
              : "No forecast has been kept yet"}
        </summary>
        {scores.length ? <DataTable label="Score of former forecasts" rows={scores} columns={COLUMNS} rowKey={({ target, lead_s }) => `${target} ${lead_s}`} /> : null}
      </details>
    </div>
  );
}

const COLUMNS: Column<Score>[] = [
  { name: "Of", by: ({ target }) => target, cell: ({ target }) => <span className="font-mono">{target}</span> },
  { name: "Ahead", by: ({ lead_s }) => lead_s, cell: ({ lead_s }) => formatDuration(lead_s), right: true },
  { name: "Checked", by: ({ checks }) => checks, right: true },
  { name: "Waiting", by: ({ waiting }) => waiting, right: true, wide: true },
  {
    name: "Within the 90 % interval",
    by: ({ checks, covered }) => (checks ? covered : null),
    cell: ({ checks, covered }) => (checks ? `${Math.round(100 * covered)} %` : "–"),
    right: true,
  },
  {
    name: "Error, of “stays as it is”",
    by: ({ checks, error, naive_error }) => (checks && naive_error ? error / naive_error : null),
    cell: ({ checks, error, naive_error }) => (checks && naive_error ? formatValue(error / naive_error, "ratio") : "–"),
    right: true,
  },
];
