import type { RangeAnswer } from "../../api/queries";
import { formatValue, selector, toNumber } from "../../lib/format";
import { lineLook } from "../../ui/Chart";
import { legendOf } from "./panels";

/** As many are drawn, and as many are listed. */
export const DRAWN = 30;
const LISTED = 200;

interface Props {
  answer: RangeAnswer;
  unit: string;
  legend?: string;
  /** The line brought forward, by its place. */
  forward: number | null;
  /** The line that stands alone in the chart, by its place. */
  alone: number | null;
  onForward: (at: number | null) => void;
  onAlone: (at: number | null) => void;
}

export function SeriesTable({ answer, unit, legend, forward, alone, onForward, onAlone }: Props) {
  return (
    <div className="max-h-72 overflow-auto border-t border-line">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Series</th>
            <th scope="col">Cluster</th>
            <th scope="col" className="text-right">
              Last
            </th>
          </tr>
        </thead>
        <tbody onMouseLeave={() => onForward(null)}>
          {answer.series.slice(0, LISTED).map((one, at) => {
            const { cluster = "", ...metric } = one.metric;
            const last = one.values.at(-1)?.[1];
            const name = legend ? legendOf(legend, one.metric) : selector(metric) || cluster || "{}";
            return (
              <tr
                key={selector(one.metric)}
                className={forward === at || alone === at ? "bg-raised" : ""}
                onMouseEnter={() => onForward(at < DRAWN ? at : null)}
              >
                <td className="font-mono text-meta">
                  {at < DRAWN ? (
                    <button
                      type="button"
                      data-row
                      className="flex items-center gap-2 text-left"
                      aria-pressed={alone === at}
                      title={alone === at ? "Draw all again" : "Draw it alone"}
                      onClick={() => onAlone(alone === at ? null : at)}
                    >
                      <Sample at={at} count={answer.series.length} />
                      {name}
                    </button>
                  ) : (
                    <span className="pl-7">{name}</span>
                  )}
                </td>
                <td className="font-mono whitespace-nowrap">{cluster}</td>
                <td className="text-right whitespace-nowrap">
                  {last === undefined ? "–" : toNumber(last) === null ? last : formatValue(toNumber(last), unit)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {answer.series.length > LISTED ? (
        <p className="px-3 py-2 text-muted">The first {LISTED} of {answer.series.length} are listed.</p>
      ) : null}
    </div>
  );
}

/** A piece of the line as the chart draws it. */
function Sample({ at, count }: { at: number; count: number }) {
  const { colour, dash } = lineLook(at, count);
  return (
    <svg viewBox="0 0 20 4" className="h-1 w-5 shrink-0" aria-hidden="true">
      <path d="M0 2h20" stroke={`var(${colour})`} strokeWidth="2.5" strokeDasharray={dash.join(" ")} />
    </svg>
  );
}
