import type { LogFinding, PatternCounts } from "../../api/patterns";
import { plural, sentence } from "../../lib/format";
import { clock } from "../../lib/time";

const LOOKS: Record<LogFinding["kind"], [path: string, colour: string, word: string]> = {
  NEW: ["M6 1l1.4 3.4L11 6 7.4 7.6 6 11 4.6 7.6 1 6l3.6-1.6z", "text-low", "New"],
  SURGE: ["M6 1l4.5 5h-2.7v5H4.2V6H1.5z", "text-high", "Surge"],
  VANISHED: ["M6 1.5a4.5 4.5 0 1 0 .01 0M2.8 2.8l6.4 6.4", "text-medium", "Vanished"],
};

export function FindingMark({ kind, title }: { kind: LogFinding["kind"]; title?: string }) {
  const [path, colour, word] = LOOKS[kind];
  const drawn = kind === "VANISHED" ? { fill: "none", stroke: "currentColor", strokeWidth: 1.6 } : { fill: "currentColor" };
  return (
    <span className={`inline-flex items-center gap-1 whitespace-nowrap ${colour}`} title={title}>
      <svg viewBox="0 0 12 12" className="size-3 shrink-0" aria-hidden="true">
        <path d={path} {...drawn} />
      </svg>
      {word}
    </span>
  );
}

/** What changes steps back, so that what is said can be read. */
export function PatternText({ text }: { text: string }) {
  const parts = text.split("<*>");
  return (
    <>
      {parts.map((part, at) => (
        // The parts of one text have no other name than their place.
        // oxlint-disable-next-line react/no-array-index-key
        <span key={at}>
          {at ? <span className="text-muted">&lt;*&gt;</span> : null}
          {part}
        </span>
      ))}
    </>
  );
}

const [WIDTH, HEIGHT] = [96, 20];

/** The lines of the last day by the hour, as bars; the highest fills the height. */
export function Trend({ trend }: { trend: PatternCounts }) {
  const most = Math.max(...trend.counts, 1);
  const width = WIDTH / trend.counts.length;
  const total = trend.counts.reduce((sum, one) => sum + one, 0);
  const peak = trend.counts.indexOf(Math.max(...trend.counts));
  const at = new Date(Date.parse(trend.start) + peak * trend.step_s * 1000);
  const words = total ? `${plural(total, "line")} in 24 h, most at ${clock(at).slice(0, 5)}` : "No line in 24 h";
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="h-5 w-24 text-measured" role="img" aria-label={words}>
      <title>{words}</title>
      <path d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} stroke="var(--line)" />
      {trend.counts.map((count, place) =>
        count ? (
          <rect
            // oxlint-disable-next-line react/no-array-index-key
            key={place}
            x={place * width + 0.5}
            width={Math.max(width - 1, 1)}
            y={HEIGHT - Math.max((count / most) * (HEIGHT - 2), 1.5)}
            height={Math.max((count / most) * (HEIGHT - 2), 1.5)}
            fill="var(--measured)"
          />
        ) : null,
      )}
    </svg>
  );
}

export const className = (value: string | null) => (value === null ? "–" : sentence(value));
